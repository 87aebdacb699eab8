import { ConfigError } from "./config/problem.ts";

export interface ProgramArguments<Command extends string> {
  readonly command: Command | "help" | "version";
  readonly configFile?: string;
}

/** What stands behind a program's name: one of its commands, the first if there is none, and --config FILE or --config=FILE. */
export function parseArguments<Command extends string>(
  argv: readonly string[],
  commands: readonly [Command, ...Command[]],
): ProgramArguments<Command> {
  let command: Command | undefined;
  let configFile: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--help" || word === "-h") return { command: "help" };
    if (word === "--version") return { command: "version" };
    const named = commands.find((one) => one === word);
    if (word === "--config" || word.startsWith("--config=")) {
      configFile = word === "--config" ? argv[++i] : word.slice("--config=".length);
      if (!configFile) throw usageError("--config", "nothing", "--config FILE");
    } else if (command === undefined && named !== undefined) command = named;
    else throw usageError(word, word, `${commands.join(", ")}, --config FILE or --help`);
  }
  return { command: command ?? commands[0], ...(configFile === undefined ? {} : { configFile }) };
}

function usageError(path: string, found: string, expected: string): ConfigError {
  return new ConfigError("command line", [{ path, found, expected }]);
}
