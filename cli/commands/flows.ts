import { Command } from "commander";
import type { FlowEntry } from "#controller/node/http/node-view.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { formatReason } from "../reason.ts";
import { socketOption } from "../socket-option.ts";

interface FlowsOptions {
  readonly pod?: string;
  readonly table?: string;
  readonly owner?: string;
  readonly socket: string;
  readonly output: OutputFormat;
}

export function flowsCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("flows")
    .summary("the live flow table, with reasons")
    .description("the live flow table, each flow with who it is for and why; what should be there and is not is marked")
    .option("--pod <namespace/name>", "only flows of this pod")
    .option("--table <number|name>", "only flows of this table")
    .option(
      "--owner <kind/name>",
      "only flows of this object: pod/default/web, service/shop/db, networkpolicy/shop/db, node/n2, weir",
    )
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (options: FlowsOptions) => {
      const counted = { flows: 0, failed: 0 };
      const flows = count(createNodeClient(options.socket).lines<FlowEntry>(pathFor(options)), counted);
      await writeAll(io, options.output === "json" ? jsonArray(flows) : formatFlows(flows));
      if (counted.flows === 0) throw new CliError(EXIT.wrong, "no flow matches");
      done(counted.failed > 0 ? EXIT.wrong : EXIT.ok);
    });
  return withExamples(command, [
    ["weirctl flows", "every flow of the bridge"],
    ["weirctl flows --pod default/web", "what there is for one pod"],
    ["weirctl flows --table Route", "one table, by name or number"],
    ["weirctl flows --owner node/n2 -o json", "what there is for a peer, for a program"],
  ]);
}

function pathFor({ pod, table, owner }: FlowsOptions): string {
  const query = new URLSearchParams();
  if (pod !== undefined) query.set("pod", pod.includes("/") ? pod : `default/${pod}`);
  if (table !== undefined) query.set("table", table);
  if (owner !== undefined) query.set("owner", owner);
  return query.size === 0 ? "/v1/flows" : `/v1/flows?${query}`;
}

async function* count(
  flows: AsyncIterable<FlowEntry>,
  counted: { flows: number; failed: number },
): AsyncGenerator<FlowEntry> {
  for await (const flow of flows) {
    counted.flows++;
    if (flow.status === "failed") counted.failed++;
    yield flow;
  }
}

async function* formatFlows(flows: AsyncIterable<FlowEntry>): AsyncGenerator<string> {
  for await (const flow of flows) {
    const packets = flow.packets === undefined ? "" : `, ${flow.packets} packets`;
    const refusal = flow.reason === undefined ? "" : ` (${flow.reason})`;
    const state =
      flow.status === "installed" || flow.status === "learned" ? "" : `${flow.status.toUpperCase()}${refusal} `;
    yield `${flow.flow}  # ${state}${formatReason(flow.site, flow.owners)}${packets}\n`;
  }
}
