import {
  END_FORMS,
  type End,
  type EndSpec,
  findEnds,
  PORT_FORMS,
  parseDestination,
  parseEnd,
} from "#pipeline/explain/ends.ts";
import { type DirectionExplanation, type Explanation, explain } from "#pipeline/explain/explain.ts";
import { CliError, usageError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";
import { openManifests } from "./manifests.ts";
import { jsonDocument, type OutputFormat } from "./output.ts";

/** Writes why traffic between the two ends passes or not. */
export async function explainManifests(
  io: Io,
  sourceText: string,
  destinationText: string,
  folder: string,
  output: OutputFormat,
): Promise<ExitCode> {
  const source = parseEnd(sourceText) ?? wrong(sourceText, END_FORMS);
  const destination =
    parseDestination(destinationText) ?? wrong(destinationText, `${END_FORMS}, then : and ${PORT_FORMS}`);
  const { cluster, problems } = await openManifests(io, folder);
  const find = (spec: EndSpec, text: string): readonly End[] => {
    const ends = findEnds(spec, cluster);
    if (ends.length === 0) throw new CliError(EXIT.wrong, `${text}: no such pod in ${folder}`);
    return ends;
  };
  const explanations = explain(
    cluster,
    find(source, sourceText),
    find(destination.end, destinationText),
    destination.port,
  );
  if (explanations.length === 0)
    throw new CliError(
      EXIT.wrong,
      `${sourceText} and ${destinationText} have no address family or no such port in common`,
    );
  if (output === "json") await io.write(jsonDocument(explanations));
  else await writeAll(io, formatExplanations(explanations));
  return problems.length > 0 ? EXIT.wrong : EXIT.ok;
}

function wrong(text: string, forms: string): never {
  throw usageError(`${text}: ${forms} is needed`);
}

function* formatExplanations(explanations: readonly Explanation[]): Generator<string> {
  // Two families mostly have the same to tell: then the first tells it.
  for (const [i, one] of explanations.filter(differsFromBefore).entries()) {
    if (i > 0) yield "\n";
    const isSplit = explanations.some((other) => other.family !== one.family && isSamePair(other, one));
    const family = isSplit && !explanations.some((other) => other.family !== one.family && tellsTheSame(other, one));
    const verdict = one.verdict === "allow" ? "allowed" : "denied";
    yield `${one.from} -> ${one.to}, ${formatPorts(one.ports)}${family ? `, ${one.family}` : ""}: ${verdict}\n`;
    yield* formatDirection(`egress of ${one.from}`, one.egress);
    yield* formatDirection(`ingress of ${one.to}`, one.ingress);
    if (one.alike.length > 0) yield `  the same: ${formatAlike(one.alike)}\n`;
  }
}

function differsFromBefore(one: Explanation, index: number, all: readonly Explanation[]): boolean {
  return !all.slice(0, index).some((other) => tellsTheSame(other, one));
}

function isSamePair(a: Explanation, b: Explanation): boolean {
  return a.from === b.from && a.to === b.to;
}

function tellsTheSame(a: Explanation, b: Explanation): boolean {
  const said = ({ ports, egress, ingress }: Explanation) => JSON.stringify([ports, egress.text, ingress.text]);
  return isSamePair(a, b) && said(a) === said(b);
}

function* formatDirection(whose: string, { text, nearMisses }: DirectionExplanation): Generator<string> {
  yield `  ${whose}: ${text}\n`;
  for (const miss of nearMisses) yield `    ${miss}\n`;
}

function formatPorts(ports: readonly string[]): string {
  return ports.map((port) => (port.startsWith("other") ? port.replace("other", "any other port") : port)).join(", ");
}

const MOST_PAIRS = 3;

function formatAlike(alike: Explanation["alike"]): string {
  const shown = alike.slice(0, MOST_PAIRS).map(([from, to]) => `${from} -> ${to}`);
  const others = alike.length - shown.length;
  return `${shown.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}
