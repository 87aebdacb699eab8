import { hostname } from "node:os";
import { describeError } from "#base/errors.ts";
import { ConfigError } from "#controller/process/config/problem.ts";
import { createLog, type ProcessLog } from "#controller/process/log.ts";
import manifest from "../../package.json" with { type: "json" };
import { NODE_USAGE, parseNodeArguments } from "./config/arguments.ts";
import { loadConfig, type NodeConfig } from "./config.ts";
import { startNode } from "./node.ts";
import { uninstall } from "./uninstall.ts";

/** Exit codes: 0 done, 1 failed, 2 a configuration or command line that cannot be used. */
process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  let log: ProcessLog | undefined;
  try {
    const { command, configFile } = parseNodeArguments(argv);
    if (command === "help") return say(NODE_USAGE);
    if (command === "version") return say(manifest.version);
    const config = await loadConfig(configFile, { env: process.env, hostname: hostname() });
    log = createLog({ level: config.log.level });
    if (command === "uninstall") await uninstall(config, log);
    else await run(config, log);
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`weir-node: ${error.message}\n`);
      return 2;
    }
    if (log === undefined) process.stderr.write(`weir-node: ${describeError(error)}\n`);
    else log.error("weir-node ends", { error });
    return 1;
  } finally {
    await log?.flush();
  }
}

/** Lives until a signal comes, or something that must not happen has. The switch keeps forwarding either way. */
async function run(config: NodeConfig, log: ProcessLog): Promise<void> {
  const ending = new AbortController();
  const failed = Promise.withResolvers<never>();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      log.info("stopping; forwarding stays as it is", { signal });
      ending.abort();
    });
  // A bug ends the process loudly: the DaemonSet starts it again, and the flows stay meanwhile.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) process.on(event, failed.reject);
  const node = await startNode({ config, version: manifest.version, log, fail: failed.reject });
  const stopped = new Promise<void>((resolve) =>
    ending.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  if (!ending.signal.aborted) await Promise.race([stopped, failed.promise]);
  await node.stop();
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}
