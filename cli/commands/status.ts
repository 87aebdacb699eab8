import { Command } from "commander";
import type { NodeStatus } from "#controller/node/http/node-view.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonDocument, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

export function statusCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("status")
    .summary("how this node does")
    .description(
      "how this node does: its checks, and counts of pods, peers, problems and flows; exit code 1 if it is not ready",
    )
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async ({ socket, output }: { socket: string; output: OutputFormat }) => {
      const status = await createNodeClient(socket).get<NodeStatus>("/v1/status");
      await io.write(output === "json" ? jsonDocument(status) : formatStatus(status));
      done(status.ready ? EXIT.ok : EXIT.wrong);
    });
  return withExamples(command, [
    ["weirctl status", "the node on whose host you are"],
    ["weirctl status -o json | jq .flows", "how many flows are desired, installed, failed"],
  ]);
}

/** So many of a kind can be read at a glance; -o json has all. */
const MOST_ROWS = 20;

function announced({ announced: all }: NodeStatus): readonly (readonly [string, string])[] {
  const rows = all
    .slice(0, MOST_ROWS)
    .map(({ ip, service, link }) => [`  ${ip}`, `of service ${service}, on ${link}`] as const);
  const rest = all.length - rows.length;
  return [["announces", `${all.length} addresses`], ...rows, ...(rest > 0 ? [["", `and ${rest} more`] as const] : [])];
}

function formatStatus(status: NodeStatus): string {
  const { flows, denials, connections } = status;
  const counts = [`${flows.desired} desired`, `${flows.installed} installed`];
  if (flows.pending > 0) counts.push(`${flows.pending} pending`);
  if (flows.failed > 0) counts.push(`${flows.failed} failed`);
  const traffic = status.encapsulation === "never" ? "never" : `${status.encapsulation} (${status.tunnel})`;
  const rows = [
    ["ready", status.ready ? "yes" : "no"],
    ...status.checks.map((check) => [`  ${check.name}`, check.ok ? "ok" : `failed: ${check.message ?? ""}`]),
    ["version", `${status.version}, running since ${status.startedAt}`],
    ["source", status.source],
    ...status.absentKinds.map((kind) => ["", `without ${kind}: the API server does not know them`]),
    ["bridge", `${status.bridge} (${status.datapath})`],
    ["encapsulation", traffic],
    ["pod MTU", status.mtu === undefined ? "not known yet" : String(status.mtu)],
    ["pod CIDRs", status.podCidrs.join(", ") || "none"],
    ["pods", String(status.pods)],
    ["peers", String(status.peers)],
    ...announced(status),
    ["problems", status.problems === 0 ? "0" : `${status.problems} (weirctl get problems)`],
    ["denials", `${denials.told} told (weirctl get denials), ${denials.untold} beyond the limit`],
    [
      "logged connections",
      `${connections.told} told (weirctl get connections), ${connections.untold} beyond the limit`,
    ],
    ["flows", counts.join(", ")],
  ];
  return formatTable(["node", status.node], rows);
}
