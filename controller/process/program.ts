import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { parseArguments } from "./arguments.ts";
import { ConfigError } from "./config/problem.ts";
import { createLog, type LogLevel, type ProcessLog } from "./log.ts";

/** A program that lives until it is told to stop. */
export interface Program<Command extends string, Config> {
  /** "weir-node". */
  readonly name: string;
  readonly usage: string;
  readonly version: string;
  /** The first is what is done when none is named. */
  readonly commands: readonly [Command, ...Command[]];
  /** Throws ConfigError. */
  load(configFile: string | undefined): Promise<Config>;
  run(command: Command, config: Config, log: Log): Promise<void>;
}

/** Exit codes: 0 done, 1 failed, 2 a configuration or command line that cannot be used. */
export async function runProgram<Command extends string, Config extends { readonly log: { readonly level: LogLevel } }>(
  program: Program<Command, Config>,
  argv: readonly string[],
): Promise<number> {
  const { name } = program;
  let log: ProcessLog | undefined;
  try {
    const { command, configFile } = parseArguments(argv, program.commands);
    if (command === "help") return say(program.usage);
    if (command === "version") return say(program.version);
    const config = await program.load(configFile);
    log = createLog({ level: config.log.level });
    await program.run(command, config, log);
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`${name}: ${error.message}\n`);
      return 2;
    }
    if (log === undefined) process.stderr.write(`${name}: ${describeError(error)}\n`);
    else log.error(`${name} ends`, { error });
    return 1;
  } finally {
    await log?.flush();
  }
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** Lives until a signal comes, or something that must not happen has. `farewell` is what is logged at a signal. */
export async function liveUntilStopped(
  log: Log,
  farewell: string,
  start: (fail: (reason: unknown) => void) => Promise<{ stop(): Promise<void> }>,
): Promise<void> {
  const ending = new AbortController();
  const failed = Promise.withResolvers<never>();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      log.info(farewell, { signal });
      ending.abort();
    });
  // A bug ends the process loudly: whoever runs it starts it again.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) process.on(event, failed.reject);
  const running = await start(failed.reject);
  const stopped = new Promise<void>((resolve) =>
    ending.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  if (!ending.signal.aborted) await Promise.race([stopped, failed.promise]);
  await running.stop();
}
