import { Command } from "commander";
import type { DenialRecord } from "#controller/node/http/node-view.ts";
import { describeBlame, describeEnds } from "#pipeline/denials/denial.ts";
import { withExamples } from "../examples.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

interface DenialsOptions {
  readonly pod?: string;
  readonly watch?: true;
  readonly socket: string;
  readonly output: OutputFormat;
}

const HEADER = ["TIME", "DIRECTION", "POD", "PEER", "PORT", "CONNECTION", "BECAUSE OF"];

export function getDenialsCommand(io: Io): Command {
  const command = new Command("denials")
    .summary("packets that policies denied, with the reason")
    .description(
      "packets that policies denied: the last thousand of which the node was told; `weirctl status` counts the others too",
    )
    .option("--pod <namespace/name>", "only those that concern this pod, on either side")
    .option("-w, --watch", "those that come from now on, one a line, until Ctrl-C")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (options: DenialsOptions) => {
      const denials = createNodeClient(options.socket).lines<DenialRecord>(pathFor(options));
      if (options.watch) await follow(io, denials, options.output);
      else if (options.output === "json") await writeAll(io, jsonArray(denials));
      else await list(io, denials);
    });
  return withExamples(command, [
    ["weirctl get denials", "the last ones, of all pods of this node"],
    ["weirctl get denials --pod default/web -w", "what a pod is denied, or is denied to others, as it happens"],
    ["weirctl get denials -o json", "for a program"],
  ]);
}

function pathFor({ pod, watch }: DenialsOptions): string {
  const query = new URLSearchParams();
  if (pod !== undefined) query.set("pod", pod.includes("/") ? pod : `default/${pod}`);
  if (watch) query.set("watch", "");
  return query.size === 0 ? "/v1/denials" : `/v1/denials?${query}`;
}

async function list(io: Io, denials: AsyncIterable<DenialRecord>): Promise<void> {
  const rows: string[][] = [];
  for await (const denial of denials) rows.push(rowOf(denial));
  if (rows.length === 0) io.say("no denials");
  else await io.write(formatTable(HEADER, rows));
}

async function follow(io: Io, denials: AsyncIterable<DenialRecord>, output: OutputFormat): Promise<void> {
  for await (const denial of denials) {
    const text = `${denial.time} ${denial.pod} ${describeEnds(denial)}: ${describeBlame(denial)}`;
    await io.write(`${output === "json" ? JSON.stringify(denial) : text}\n`);
  }
}

function rowOf(denial: DenialRecord): string[] {
  const { time, direction, pod, peer, peerAddress, protocol, destinationPort, icmpType, connection } = denial;
  const port = destinationPort ?? (icmpType === undefined ? undefined : `type ${icmpType}`);
  return [
    ...[time, direction, pod],
    peer === peerAddress ? peer : `${peer} (${peerAddress})`,
    port === undefined ? protocol : `${port}/${protocol}`,
    connection,
    describeBlame(denial),
  ];
}
