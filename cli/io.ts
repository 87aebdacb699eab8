import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { PipeClosed } from "./errors.ts";

/** A command's world: results out, messages beside, lines in. */
export interface Io {
  /** Resolves when the reader has taken it; rejects with PipeClosed when there is no reader any more. */
  write(text: string): Promise<void>;
  /** A message for the person, to stderr. */
  say(text: string): void;
  /** The same without "weirctl: " before it. */
  show(text: string): void;
  lines(): AsyncIterable<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function createIo({ stdin, stdout, stderr, env }: Streams): Io {
  let closed = false;
  stdout.on("error", () => {
    closed = true;
  });
  // Without a listener the lost reader of messages would end the process with a stack trace.
  stderr.on("error", () => {});
  return {
    env,
    write(text) {
      return new Promise((resolve, reject) => {
        if (closed) reject(new PipeClosed());
        else stdout.write(text, (error) => (error ? reject(new PipeClosed()) : resolve()));
      });
    },
    say(text) {
      stderr.write(`weirctl: ${text}\n`);
    },
    show(text) {
      stderr.write(text);
    },
    lines: () => createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY }),
  };
}

/** Writes many small pieces as few large ones. */
export async function writeAll(io: Io, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let chunk = "";
  for await (const piece of pieces) {
    chunk += piece;
    if (chunk.length < 32_768) continue;
    await io.write(chunk);
    chunk = "";
  }
  if (chunk !== "") await io.write(chunk);
}
