import { type Ip, isIpv4 } from "#base/address.ts";
import { DIRECTIONS, type Direction } from "../model/policy.ts";
import { describeChange } from "./changes.ts";
import type { Cluster } from "./cluster.ts";
import { type Decision, decisionOf, meetingPoints } from "./decision.ts";
import { type End, endName, type PortSpec, resolvePort } from "./ends.ts";
import { createEvaluator, type Evaluation, isDenied, type Packet } from "./evaluate.ts";
import { type NearMiss, nearMisses } from "./near-misses.ts";
import { distinguish } from "./pod-classes.ts";
import { classifyPorts, type PortClass, packetOf } from "./port-classes.ts";
import { describeVerdict, ruleName } from "./words.ts";

/** Why traffic passes or not. */
export interface Explanation extends Decision {
  readonly from: string;
  readonly to: string;
  readonly family: "IPv4" | "IPv6";
  /** Ports of which the same is true. */
  readonly ports: readonly string[];
  readonly egress: DirectionExplanation;
  readonly ingress: DirectionExplanation;
  /** Other pairs of pods between which it is the same, for no policy tells them apart. */
  readonly alike: readonly (readonly [from: string, to: string])[];
}

export interface DirectionExplanation {
  readonly text: string;
  /** What would let it pass here, the nearest first. */
  readonly nearMisses: readonly string[];
}

/** One packet, or that there can be none. */
interface Question {
  readonly from: End;
  readonly to: End;
  readonly ends: { readonly source: Ip; readonly destination: Ip };
  readonly alike: readonly (readonly [string, string])[];
}

const MOST_MISSES = 3;

/**
 * Explains every pair of ends, at one port or, without it, at every port that a policy names and all others. What no policy
 * tells apart is explained once.
 */
export function explain(
  cluster: Cluster,
  sources: readonly End[],
  destinations: readonly End[],
  port: PortSpec | undefined,
): readonly Explanation[] {
  const evaluator = createEvaluator(cluster.objects, cluster.podOf);
  const all = classifyPorts(cluster.objects);
  return questions(cluster, sources, destinations).flatMap((question) => {
    const asked = port === undefined ? all : [resolvePort(port, question.to)].filter((one) => one !== undefined);
    return mergePorts(asked.map((one) => [one, evaluator(packetOf(question.ends, one))] as const)).map(
      ({ ports, evaluation }) => explainOne(cluster, question, ports, evaluation),
    );
  });
}

function questions(cluster: Cluster, sources: readonly End[], destinations: readonly End[]): readonly Question[] {
  const signatures = distinguish(cluster);
  const signatureOf = (end: End) => (end.pod === undefined ? undefined : signatures.get(endName(end))) ?? endName(end);
  const groups = new Map<string, { from: End; to: End; alike: (readonly [string, string])[] }>();
  for (const from of sources)
    for (const to of destinations) {
      const isOwn = from.pod !== undefined && from.pod === to.pod;
      // A pod's own traffic is asked about only by naming it: where many are meant, others are.
      if (isOwn && sources.length * destinations.length > 1) continue;
      const key = `${signatureOf(from)}\n${signatureOf(to)}`;
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { from, to, alike: [] });
      else known.alike.push([endName(from), endName(to)]);
    }
  return [...groups.values()].flatMap(({ from, to, alike }) =>
    meetingPoints(from, to).map((ends) => ({ from, to, ends, alike })),
  );
}

function mergePorts(
  evaluations: readonly (readonly [PortClass, Evaluation])[],
): readonly { readonly ports: readonly PortClass[]; readonly evaluation: Evaluation }[] {
  const merged = new Map<string, { readonly ports: PortClass[]; readonly evaluation: Evaluation }>();
  for (const [port, evaluation] of evaluations) {
    const text = DIRECTIONS.map((direction) => describeVerdict(evaluation[direction], direction)).join("\n");
    const known = merged.get(text);
    if (known === undefined) merged.set(text, { ports: [port], evaluation });
    else known.ports.push(port);
  }
  return [...merged.values()];
}

function explainOne(
  cluster: Cluster,
  { from, to, ends, alike }: Question,
  ports: readonly PortClass[],
  evaluation: Evaluation,
): Explanation {
  const packet = packetOf(ends, ports[0]!);
  return {
    from: endName(from),
    to: endName(to),
    family: isIpv4(ends.source) ? "IPv4" : "IPv6",
    ports: ports.map(({ text }) => text),
    ...decisionOf(evaluation),
    egress: explainDirection(cluster, packet, evaluation, "egress"),
    ingress: explainDirection(cluster, packet, evaluation, "ingress"),
    alike,
  };
}

function explainDirection(
  { objects, podOf }: Cluster,
  packet: Packet,
  evaluation: Evaluation,
  direction: Direction,
): DirectionExplanation {
  const misses = nearMisses({ objects, podOf, packet }, direction, MOST_MISSES);
  const text = describeVerdict(evaluation[direction], direction);
  return { text, nearMisses: misses.map((miss) => describeMiss(miss, evaluation)) };
}

/** "shop/db ingress[0] would match if label app=web of pod shop/web were app=api". */
function describeMiss({ policy, direction, rule, changes, outcome }: NearMiss, before: Evaluation): string {
  const what = changes.map((change) => describeChange(change, direction)).join(" and ");
  const other = direction === "ingress" ? "egress" : "ingress";
  const denies = isDenied(before[other]) ? `; ${other} denies it all the same` : `; but then ${other} would deny it`;
  return `${ruleName(policy, direction, rule)} would match if ${what}${outcome.isAllowed ? "" : denies}`;
}
