import { ConfigError } from "#controller/process/config/problem.ts";

export interface NodeArguments {
  readonly command: "run" | "uninstall" | "help" | "version";
  readonly configFile?: string;
}

export const NODE_USAGE = `Usage: weir-node [run|uninstall] [--config FILE]

  run          keep this node's network as the cluster wants it (the default)
  uninstall    take away everything that Weir made on this host

  --config FILE   the configuration, in YAML; without it every setting has its default
  --help          this text
  --version       the version

The environment's NODE_NAME names the node where the configuration does not.`;

/** What stands behind `weir-node`: a subcommand and --config FILE or --config=FILE. */
export function parseNodeArguments(argv: readonly string[]): NodeArguments {
  let command: NodeArguments["command"] | undefined;
  let configFile: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--help" || word === "-h") return { command: "help" };
    if (word === "--version") return { command: "version" };
    if (word === "--config" || word.startsWith("--config=")) {
      configFile = word === "--config" ? argv[++i] : word.slice("--config=".length);
      if (!configFile) throw usageError("--config", "nothing", "--config FILE");
    } else if (command === undefined && (word === "run" || word === "uninstall")) command = word;
    else throw usageError(word, word, "run, uninstall, --config FILE or --help");
  }
  return { command: command ?? "run", ...(configFile === undefined ? {} : { configFile }) };
}

function usageError(path: string, found: string, expected: string): ConfigError {
  return new ConfigError("command line", [{ path, found, expected }]);
}
