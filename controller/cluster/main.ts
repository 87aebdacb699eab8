import { hostname } from "node:os";
import { liveUntilStopped, runProgram } from "#controller/process/program.ts";
import manifest from "../../package.json" with { type: "json" };
import { type ClusterConfig, loadConfig } from "./config.ts";
import { DUTIES } from "./duties/duties.ts";
import { startCluster } from "./program.ts";

const USAGE = `Usage: weir-cluster [run] [--config FILE]

  run          do what is done once for the whole cluster, as soon as no other instance does (the default)

  --config FILE   the configuration, in YAML; without it every setting has its default
  --help          this text
  --version       the version

Of several instances one is active, by a Lease. Without any, nodes go on as they are: only statuses stay as they were.`;

const { version } = manifest;

// Whatever still waits or listens, such as after a bug, must not keep the process: the log is out.
process.exit(
  await runProgram(
    {
      ...{ name: "weir-cluster", usage: USAGE, version, commands: ["run"] },
      load: (configFile) => loadConfig(configFile, { env: process.env, hostname: hostname() }),
      run: (_, config: ClusterConfig, log) =>
        liveUntilStopped(log, "stopping", (fail) => startCluster({ config, duties: DUTIES, version, log, fail })),
    },
    process.argv.slice(2),
  ),
);
