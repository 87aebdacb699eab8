import type { DirectionExplanation, Explanation } from "#pipeline/explain/explain.ts";

/** As text; `flowsOf` has lines about what in the switch decides it. */
export function* formatExplanations(
  explanations: readonly Explanation[],
  flowsOf: (explanation: Explanation) => readonly string[] = () => [],
): Generator<string> {
  // Two families mostly have the same to tell: then the first tells it.
  for (const [i, one] of explanations.filter(differsFromBefore).entries()) {
    if (i > 0) yield "\n";
    const isSplit = explanations.some((other) => other.family !== one.family && isSamePair(other, one));
    const family = isSplit && !explanations.some((other) => other.family !== one.family && tellsTheSame(other, one));
    const verdict = one.verdict === "allow" ? "allowed" : "denied";
    yield `${one.from} -> ${one.to}, ${formatPorts(one.ports)}${family ? `, ${one.family}` : ""}: ${verdict}\n`;
    yield* formatDirection(`egress of ${one.from}`, one.egress);
    yield* formatDirection(`ingress of ${one.to}`, one.ingress);
    for (const flow of flowsOf(one)) yield `  ${flow}\n`;
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
