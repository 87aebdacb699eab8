import { hostname } from "node:os";
import { liveUntilStopped, runProgram } from "#controller/process/program.ts";
import manifest from "../../package.json" with { type: "json" };
import { NODE_COMMANDS, NODE_USAGE } from "./config/arguments.ts";
import { loadConfig, type NodeConfig } from "./config.ts";
import { startNode } from "./node.ts";
import { uninstall } from "./uninstall.ts";

const { version } = manifest;

// Whatever still waits or listens, such as after a bug, must not keep the process: the log is out.
process.exit(
  await runProgram(
    {
      ...{ name: "weir-node", usage: NODE_USAGE, version, commands: NODE_COMMANDS },
      load: (configFile) => loadConfig(configFile, { env: process.env, hostname: hostname() }),
      async run(command, config: NodeConfig, log) {
        if (command === "uninstall") await uninstall(config, log);
        // The switch keeps forwarding whether the process ends well or badly.
        else
          await liveUntilStopped(log, "stopping; forwarding stays as it is", (fail) =>
            startNode({ config, version, log, fail }),
          );
      },
    },
    process.argv.slice(2),
  ),
);
