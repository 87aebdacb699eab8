import type { Writable } from "node:stream";
import { createLogger, transports } from "winston";
import { describeError, WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface ProcessLog extends Log {
  /** Ends the log; resolves when every line is out. `process.exit` before that loses lines. */
  flush(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly destination?: Writable;
  readonly now?: () => Date;
}

/** A log of JSON lines: time, level, message, then the fields. */
export function createLog({ level, destination = process.stdout, now = () => new Date() }: LogOptions): ProcessLog {
  // A reader that went away (EPIPE) must not end the process: forwarding matters more than its log.
  destination.on("error", () => {});
  const line = { transform: (info: LogEntry) => Object.assign(info, { [MESSAGE]: formatLine(info, now()) }) };
  const logger = createLogger({ level, format: line, transports: [new transports.Stream({ stream: destination })] });
  let flushed: Promise<void> | undefined;
  const write =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (flushed === undefined) logger.log({ level, message, fields });
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    flush() {
      flushed ??= new Promise<void>((resolve) => {
        logger.once("finish", () => destination.write("", () => resolve()));
        logger.end();
      });
      return flushed;
    },
  };
}

/** Where winston's transports look for the finished line. */
const MESSAGE = Symbol.for("message");

interface LogEntry {
  level: string;
  message: unknown;
  fields?: Readonly<Record<string, unknown>>;
  [key: string | symbol]: unknown;
}

function formatLine({ level, message, fields = {} }: LogEntry, time: Date): string {
  const entry: Record<string, unknown> = { time: time.toISOString(), level, message };
  // A field of the same name must not hide what every line has.
  for (const [key, value] of Object.entries(fields)) entry[key in entry ? `field.${key}` : key] = value;
  try {
    return JSON.stringify(entry, (_, value: unknown) => plain(value));
  } catch (error) {
    return JSON.stringify({ time: time.toISOString(), level, message, unprintable: describeError(error) });
  }
}

/** What JSON has no form for: errors with their cause, big numbers, maps and sets. */
function plain(value: unknown): unknown {
  if (value instanceof WeirError) return { code: value.code, error: describeError(value), details: value.details };
  if (value instanceof Error) return { error: describeError(value), stack: value.stack };
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}
