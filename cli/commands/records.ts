import { Command } from "commander";
import { withExamples } from "../examples.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

/** How what a node tells of packets is listed. */
export interface Records<T> {
  /** "denials", as the node's view has it. */
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly header: readonly string[];
  row(record: T): readonly string[];
  /** As it happens. */
  line(record: T): string;
}

interface RecordsOptions {
  readonly pod?: string;
  readonly watch?: true;
  readonly socket: string;
  readonly output: OutputFormat;
}

export function recordsCommand<T>(io: Io, kind: Records<T>): Command {
  const { name } = kind;
  const command = new Command(name)
    .summary(kind.summary)
    .description(kind.description)
    .option("--pod <namespace/name>", "only those that concern this pod, on either side")
    .option("-w, --watch", "those that come from now on, one a line, until Ctrl-C")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (options: RecordsOptions) => {
      const records = createNodeClient(options.socket).lines<T>(pathFor(name, options));
      if (options.watch) await follow(io, kind, records, options.output);
      else if (options.output === "json") await writeAll(io, jsonArray(records));
      else await list(io, kind, records);
    });
  return withExamples(command, [
    [`weirctl get ${name}`, "the last ones, of all pods of this node"],
    [`weirctl get ${name} --pod default/web -w`, "those of a pod, on either side, as it happens"],
    [`weirctl get ${name} -o json`, "for a program"],
  ]);
}

function pathFor(name: string, { pod, watch }: RecordsOptions): string {
  const query = new URLSearchParams();
  if (pod !== undefined) query.set("pod", pod.includes("/") ? pod : `default/${pod}`);
  if (watch) query.set("watch", "");
  return query.size === 0 ? `/v1/${name}` : `/v1/${name}?${query}`;
}

async function list<T>(io: Io, { name, header, row }: Records<T>, records: AsyncIterable<T>): Promise<void> {
  const rows: (readonly string[])[] = [];
  for await (const record of records) rows.push(row(record));
  if (rows.length === 0) io.say(`no ${name}`);
  else await io.write(formatTable(header, rows));
}

async function follow<T>(io: Io, { line }: Records<T>, records: AsyncIterable<T>, output: OutputFormat): Promise<void> {
  for await (const record of records) await io.write(`${output === "json" ? JSON.stringify(record) : line(record)}\n`);
}
