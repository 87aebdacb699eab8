import { type Connectivity, compareClusters, type Difference } from "#pipeline/explain/difference.ts";
import { stagedCluster } from "#pipeline/explain/staged-world.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { usageError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";
import { type Manifests, openApplied, openManifests } from "./manifests.ts";
import { jsonArray } from "./output.ts";

export type DiffFormat = "text" | "json" | "markdown";

/** Writes what may talk in one folder and not in the other. */
export async function diffPolicies(io: Io, before: string, after: string, output: DiffFormat): Promise<ExitCode> {
  if (before === "-" && after === "-") throw usageError("only one of the two can be read from stdin");
  return compare(io, await openManifests(io, before), await openManifests(io, after), output);
}

/** Writes what may talk in a cluster and could not any more if the manifests were applied, and the other way round. */
export async function diffCluster(
  io: Io,
  source: ClusterSource,
  folder: string,
  output: DiffFormat,
): Promise<ExitCode> {
  return compare(io, await openManifests(io, source), await openApplied(io, source, folder), output);
}

/** Writes what may talk and would not, were all staging over, and the other way round. */
export async function diffStaged(io: Io, source: string | ClusterSource, output: DiffFormat): Promise<ExitCode> {
  const enforced = await openManifests(io, source);
  return compare(io, enforced, { ...enforced, cluster: stagedCluster(enforced.cluster) }, output);
}

async function compare(io: Io, first: Manifests, second: Manifests, output: DiffFormat): Promise<ExitCode> {
  const difference = compareClusters(first.cluster, second.cluster);
  await writeAll(io, FORMATS[output](difference));
  if (first.problems.length > 0 || second.problems.length > 0) return EXIT.usage;
  return difference.changes.length > 0 ? EXIT.wrong : EXIT.ok;
}

const FORMATS: Readonly<Record<DiffFormat, (difference: Difference) => Iterable<string> | AsyncIterable<string>>> = {
  text: asText,
  json: asJson,
  markdown: asMarkdown,
};

/** One document, written while it is made: every pair of pods may differ. */
async function* asJson({ changes, podsAdded, podsRemoved }: Difference): AsyncGenerator<string> {
  for (const type of ["added", "removed"] as const) {
    yield `${type === "added" ? "{" : ","}"${type}": `;
    yield* jsonArray(entries(changes.filter((one) => one.type === type)));
  }
  yield `,"podsAdded": ${JSON.stringify(podsAdded)},\n"podsRemoved": ${JSON.stringify(podsRemoved)}}\n`;
}

function* entries(changes: readonly Connectivity[]): Generator<object> {
  for (const { from, to, port, family, by } of changes)
    for (const sender of from.members)
      for (const receiver of to.members) {
        if (receiver === sender) continue;
        const only = family === undefined ? {} : { family: `IPv${family}` };
        yield { from: sender, to: receiver, port: port.text, ...only, by };
      }
}

/** Changes that differ in nothing but their ports, and then in nothing but one end. */
interface Line {
  readonly type: Connectivity["type"];
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly ports: string;
  readonly by: string;
}

function toLines({ changes, ports: all }: Difference): readonly Line[] {
  const byPair = Map.groupBy(changes, ({ type, from, to, family, by }) =>
    JSON.stringify([type, from.name, to.name, family, describeDeciders(by)]),
  );
  const lines = [...byPair.values()].map((group): Line => {
    const [first] = group;
    const { type, from, to, family, by } = first!;
    const ports = formatPorts(
      group.map(({ port }) => port.text),
      all.length,
    );
    return {
      type,
      from: [from.name],
      to: [to.name],
      ports: family === undefined ? ports : `${ports} over IPv${family}`,
      by: describeDeciders(by),
    };
  });
  return mergeLines(mergeLines(lines, "to"), "from").toSorted(
    (a, b) => Number(a.type === "added") - Number(b.type === "added"),
  );
}

function mergeLines(lines: readonly Line[], end: "from" | "to"): readonly Line[] {
  const groups = Map.groupBy(lines, (line) => JSON.stringify({ ...line, [end]: undefined }));
  return [...groups.values()].map((group) => ({ ...group[0]!, [end]: group.flatMap((line) => line[end]) }));
}

function formatPorts(ports: readonly string[], all: number): string {
  if (ports.length === all) return "every port";
  return ports.map((port) => port.replace(/^other/, "any other port")).join(", ");
}

function describeDeciders(by: Connectivity["by"]): string {
  const rules = by.map(({ direction, policy, rule }) =>
    rule === undefined ? `${policy} (${direction})` : `${policy} ${direction}[${rule}]`,
  );
  return rules.length === 0 ? "no policy" : [...new Set(rules)].join(", ");
}

function* asText(difference: Difference): Generator<string> {
  const lines = toLines(difference);
  for (const { type, from, to, ports, by } of lines) {
    const word = type === "added" ? "+ now passes" : "- passes no more";
    yield `${word}: ${from.join("; ")} -> ${to.join("; ")}, ${ports} (${by})\n`;
  }
  for (const pod of difference.podsAdded) yield `  only in the second: pod ${pod}\n`;
  for (const pod of difference.podsRemoved) yield `  only in the first: pod ${pod}\n`;
  if (lines.length === 0) yield "no difference in connectivity\n";
}

function* asMarkdown(difference: Difference): Generator<string> {
  const lines = toLines(difference);
  if (lines.length === 0) yield "No difference in connectivity.\n";
  else yield "| | From | To | Ports | Decided by |\n|---|---|---|---|---|\n";
  for (const { type, from, to, ports, by } of lines) {
    const cells = [
      type === "added" ? "➕ now passes" : "➖ passes no more",
      from.join("<br>"),
      to.join("<br>"),
      ports,
      by,
    ];
    yield `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  }
  if (difference.podsAdded.length > 0) yield `\nPods only in the second: ${difference.podsAdded.join(", ")}\n`;
  if (difference.podsRemoved.length > 0) yield `\nPods only in the first: ${difference.podsRemoved.join(", ")}\n`;
}
