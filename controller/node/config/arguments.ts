export const NODE_COMMANDS = ["run", "uninstall"] as const;

export const NODE_USAGE = `Usage: weir-node [run|uninstall] [--config FILE]

  run          keep this node's network as the cluster wants it (the default)
  uninstall    take away everything that Weir made on this host

  --config FILE   the configuration, in YAML; without it every setting has its default
  --help          this text
  --version       the version

The environment's NODE_NAME names the node where the configuration does not.`;
