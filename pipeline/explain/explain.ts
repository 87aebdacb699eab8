import { type Ip, isIpv4 } from "#base/address.ts";
import type { Direction } from "../model/policy.ts";
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

/** Two ends between which a packet may go. */
export interface Pair {
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
  return pairsOf(cluster, sources, destinations, port).flatMap((pair) => {
    const asked = port === undefined ? all : [resolvePort(port, pair.to)].filter((one) => one !== undefined);
    return mergePorts(asked.map((one) => explainOne(cluster, pair, one, evaluator(packetOf(pair.ends, one)))));
  });
}

/** Every source with every destination, in each family that both have; what no policy tells apart once. */
export function pairsOf(
  cluster: Cluster,
  sources: readonly End[],
  destinations: readonly End[],
  port: PortSpec | undefined,
): readonly Pair[] {
  const signatures = distinguish(cluster);
  const signatureOf = (end: End) => (end.pod === undefined ? undefined : signatures.get(endName(end))) ?? endName(end);
  const groups = new Map<string, { from: End; to: End; alike: (readonly [string, string])[] }>();
  for (const from of sources)
    for (const to of destinations) {
      const isOwn = from.pod !== undefined && from.pod === to.pod;
      // A pod's own traffic is asked about only by naming it: where many are meant, others are.
      if (isOwn && sources.length * destinations.length > 1) continue;
      // A name that no policy speaks of may be another number for each of a class.
      const number = port === undefined ? "" : resolvePort(port, to)?.text;
      const key = [signatureOf(from), signatureOf(to), number].join("\n");
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { from, to, alike: [] });
      else known.alike.push([endName(from), endName(to)]);
    }
  return [...groups.values()].flatMap(({ from, to, alike }) =>
    meetingPoints(from, to).map((ends) => ({ from, to, ends, alike })),
  );
}

function mergePorts(explanations: readonly Explanation[]): readonly Explanation[] {
  const groups = Map.groupBy(explanations, ({ egress, ingress }) => JSON.stringify([egress, ingress]));
  return [...groups.values()].map((group) => ({ ...group[0]!, ports: group.flatMap(({ ports }) => ports) }));
}

function explainOne(
  cluster: Cluster,
  { from, to, ends, alike }: Pair,
  port: PortClass,
  evaluation: Evaluation,
): Explanation {
  const packet = packetOf(ends, port);
  return {
    from: endName(from),
    to: endName(to),
    family: isIpv4(ends.source) ? "IPv4" : "IPv6",
    ports: [port.text],
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
