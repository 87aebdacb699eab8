import type { Decision } from "#pipeline/explain/decision.ts";
import { createMatrix, type Matrix } from "#pipeline/explain/matrix.ts";
import { classifyPorts, type PortClass } from "#pipeline/explain/port-classes.ts";
import { stagedCluster } from "#pipeline/explain/staged-world.ts";
import { podName } from "#pipeline/explain/words.ts";
import { type Row, workloadsOf } from "#pipeline/explain/workloads.ts";
import type { ClusterSource } from "./cluster-option.ts";
import type { MatrixOptions } from "./commands/matrix.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";
import { openManifests } from "./manifests.ts";
import { jsonArray } from "./output.ts";

/** Writes who may talk to whom. */
export async function printMatrix(
  io: Io,
  source: string | ClusterSource,
  { port, by, staged, output }: MatrixOptions,
): Promise<ExitCode> {
  const { cluster: enforced, problems } = await openManifests(io, source);
  const cluster = staged ? stagedCluster(enforced) : enforced;
  const matrix = createMatrix(cluster);
  const ports = port.length > 0 ? port : classifyPorts(cluster.objects);
  const rows = by === "pod" ? podsAsRows(matrix) : workloadsOf(matrix.pods, matrix.classOf);
  if (output === "json") await writeAll(io, jsonArray(entries(matrix, rows, ports)));
  else if (rows.length === 0) io.say("there are no pods");
  else await writeAll(io, tables(matrix, rows, ports));
  return problems.length > 0 ? EXIT.wrong : EXIT.ok;
}

function podsAsRows({ pods }: Matrix): readonly Row[] {
  return pods.map((pod) => ({ name: podName(pod), pods: [pod] }));
}

/** What the pods of a workload say to each other is asked between two of them. */
function decide(matrix: Matrix, from: Row, to: Row, port: PortClass): Decision {
  return matrix.decide(from.pods[0], (from === to ? to.pods[1] : undefined) ?? to.pods[0], port);
}

function* entries(matrix: Matrix, rows: readonly Row[], ports: readonly PortClass[]): Generator<object> {
  for (const from of rows)
    for (const to of rows)
      for (const port of ports)
        yield { from: from.name, to: to.name, port: port.text, ...decide(matrix, from, to, port) };
}

const LEGEND = "row sends to column: + passes, x is denied, . the pod itself\n";

/** One table a port; ports with equal tables share one. Columns have the numbers of the rows. */
function* tables(matrix: Matrix, rows: readonly Row[], ports: readonly PortClass[]): Generator<string> {
  const portsByTable = new Map<string, string[]>();
  for (const port of ports) {
    const table = formatTable(matrix, rows, port);
    portsByTable.set(table, [...(portsByTable.get(table) ?? []), port.text]);
  }
  yield LEGEND;
  for (const [table, texts] of portsByTable) {
    yield `\n${texts.map((text) => (text === "other" ? "every other port" : text)).join(", ")}\n`;
    yield table;
  }
}

function formatTable(matrix: Matrix, rows: readonly Row[], port: PortClass): string {
  const numberWidth = String(rows.length).length;
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const head = rows.map((_, i) => String(i + 1).padStart(numberWidth)).join(" ");
  const lines = rows.map((from, i) => {
    const cells = rows.map((to) => symbolOf(matrix, from, to, port).padStart(numberWidth)).join(" ");
    return `${String(i + 1).padStart(numberWidth)} ${from.name.padEnd(nameWidth)}  ${cells}\n`;
  });
  return [`${" ".repeat(numberWidth + 1 + nameWidth)}  ${head}\n`, ...lines].join("");
}

function symbolOf(matrix: Matrix, from: Row, to: Row, port: PortClass): string {
  if (from === to && from.pods.length === 1) return ".";
  return decide(matrix, from, to, port).verdict === "allow" ? "+" : "x";
}
