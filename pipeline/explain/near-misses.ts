import { familyOf, type Ip } from "#base/address.ts";
import { subtractCidrs } from "#base/prefixes.ts";
import { isMet, type LabelRequirement, type LabelSelector } from "../model/label-selector.ts";
import type { Labels, Objects, Pod } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import type { Direction, NetworkPolicy, PodSelection, PolicyPeer, PolicyPort, PolicyRule } from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";
import { type Change, carryOut, type Situation } from "./changes.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { canName, isIn, matchesPeer, matchesPort } from "./matching.ts";
import { freeAddress } from "./outside.ts";
import { namespacesOf } from "./words.ts";

/** A rule that does not allow a packet, and what would have to be otherwise for it to. */
export interface NearMiss {
  readonly policy: NetworkPolicy;
  readonly direction: Direction;
  readonly rule: number;
  readonly changes: readonly Change[];
  /** How it would be then: the direction allows it, the other one may not. */
  readonly outcome: Evaluation;
}

/** Who is moved or replaced to meet a rule is further from it than who is labelled otherwise. */
const COSTS: Readonly<Record<Change["type"], number>> = {
  port: 2,
  label: 2,
  "namespace-label": 2,
  "port-name": 3,
  namespace: 3,
  address: 3,
};

/**
 * The rules that come nearest to allowing what a direction denies, the nearest first, at most `limit`. Each has been tried:
 * the changes were made and the evaluator asked again.
 */
export function nearMisses(
  situation: Situation & { readonly objects: Objects },
  direction: Direction,
  limit: number,
): readonly NearMiss[] {
  const { objects, podOf, packet } = situation;
  const evaluation = evaluate(objects, podOf, packet);
  const verdict = evaluation[direction];
  if (verdict?.type !== "isolated") return [];
  const candidates = verdict.policies.flatMap((policy) =>
    (policy[direction] ?? []).flatMap((rule, index) =>
      waysToMeet(rule, { ...situation, direction, evaluation })
        .toSorted((a, b) => costOf(a) - costOf(b))
        .map((changes) => ({ policy, direction, rule: index, changes })),
    ),
  );
  const found: NearMiss[] = [];
  const met = new Set<PolicyRule | undefined>();
  for (const candidate of candidates.toSorted((a, b) => costOf(a.changes) - costOf(b.changes))) {
    const rule = candidate.policy[direction]?.[candidate.rule];
    if (found.length === limit) break;
    if (met.has(rule)) continue;
    const then = carryOut(situation, candidate.changes, direction);
    const outcome = evaluate(then.objects, then.podOf, then.packet);
    if (!ALLOWING.includes(outcome[direction]?.type)) continue;
    met.add(rule);
    found.push({ ...candidate, outcome });
  }
  return found;
}

const ALLOWING: readonly (string | undefined)[] = ["allowed", "node"];

function costOf(changes: readonly Change[]): number {
  return changes.reduce((sum, { type }) => sum + COSTS[type], 0);
}

interface Seen extends Situation {
  readonly objects: Objects;
  readonly direction: Direction;
  readonly evaluation: Evaluation;
}

/** A peer as it would have to be, and the pod that it would be then. */
interface Fitting {
  readonly changes: readonly Change[];
  readonly pod: Pod | undefined;
  readonly peer: PolicyPeer | undefined;
}

function waysToMeet({ peers, ports }: PolicyRule, seen: Seen): readonly (readonly Change[])[] {
  const { direction, evaluation } = seen;
  const other = direction === "ingress" ? evaluation.source : evaluation.destination;
  const asItIs: Fitting = { changes: [], pod: other, peer: undefined };
  const fitting = peers === undefined ? [asItIs] : peers.flatMap((peer) => waysToBe(peer, other, seen));
  if (ports === undefined) return fitting.map(({ changes }) => changes);
  return fitting.flatMap(({ changes, pod, peer }) => {
    const receiver = direction === "ingress" ? evaluation.destination : pod;
    return ports
      .filter((port) => peer === undefined || canName(port, peer, direction))
      .flatMap((port) => waysToHit(port, receiver, seen))
      .map((more) => [...changes, ...more]);
  });
}

function waysToBe(peer: PolicyPeer, other: Pod | undefined, seen: Seen): readonly Fitting[] {
  const { direction, objects, packet } = seen;
  const address = direction === "ingress" ? packet.source : packet.destination;
  if (matchesPeer(peer, other, address, objects)) return [{ changes: [], pod: other, peer }];
  if (peer.type === "network") return waysToComeFrom(peer, address, seen);
  if (other !== undefined)
    return waysToBeIn(peer.selection, other, objects).map((changes) => ({ changes, pod: other, peer }));
  const pod = podIn(peer.selection, address, seen);
  const ip = pod?.ips.find((one) => familyOf(one) === familyOf(address));
  return pod === undefined || ip === undefined ? [] : [{ changes: [{ type: "address", ip, of: pod }], pod, peer }];
}

/** Some pod but the one that is asked, held by a selection, with an address of the family. */
function podIn(selection: PodSelection, address: Ip, { objects, podOf, direction, evaluation }: Seen): Pod | undefined {
  const subject = direction === "ingress" ? evaluation.destination : evaluation.source;
  return [...objects.Pod.values()].find(
    (pod) =>
      pod !== subject &&
      isIn(selection, pod, objects) &&
      pod.ips.some((ip) => familyOf(ip) === familyOf(address) && podOf(ip) === pod),
  );
}

/** An address in the network that belongs to no pod. */
function waysToComeFrom(
  peer: PolicyPeer & { readonly type: "network" },
  address: Ip,
  { podOf }: Seen,
): readonly Fitting[] {
  if (familyOf(peer.cidr.address) !== familyOf(address)) return [];
  const free = subtractCidrs(peer.cidr, peer.except).flatMap((part) => {
    const ip = freeAddress(part, (one) => podOf(one) !== undefined);
    return ip === undefined ? [] : [ip];
  });
  return free.slice(0, 1).map((ip) => ({ changes: [{ type: "address", ip, of: peer }], pod: undefined, peer }));
}

function waysToBeIn({ namespaces, pods }: PodSelection, pod: Pod, objects: Objects): readonly (readonly Change[])[] {
  const labels = labelsToMeet(pods, pod.labels);
  if (labels === undefined) return [];
  const ofPod = labels.map(([label, value]): Change => ({ type: "label", pod, label, value }));
  return waysIntoNamespace(namespaces, pod, objects).map((changes) => [...ofPod, ...changes]);
}

function waysIntoNamespace(
  namespaces: PodSelection["namespaces"],
  pod: Pod,
  objects: Objects,
): readonly (readonly Change[])[] {
  const move = (namespace: string): Change => ({ type: "namespace", pod, namespace });
  if (typeof namespaces === "string") return namespaces === pod.namespace ? [[]] : [[move(namespaces)]];
  const before: Labels =
    objects.Namespace.get(pod.namespace)?.labels ?? new Map([[NAMESPACE_NAME_LABEL, pod.namespace]]);
  const labels = labelsToMeet(namespaces, before);
  // A namespace's name cannot be another: who is to be in one of that name has to move there.
  const isName = labels?.some(([label]) => label === NAMESPACE_NAME_LABEL) ?? true;
  const { namespace } = pod;
  const labelled = isName
    ? []
    : [labels!.map(([label, value]): Change => ({ type: "namespace-label", namespace, before, label, value }))];
  const others = namespacesOf(objects).find(
    (name) => name !== pod.namespace && isIn({ key: "", namespaces, pods: ANY }, { ...pod, namespace: name }, objects),
  );
  return others === undefined ? labelled : [...labelled, [move(others)]];
}

const ANY: LabelSelector = { text: "", requirements: [] };

type LabelChange = readonly [label: string, value: string | undefined];

/** The fewest labels to set or take away; undefined when nothing meets the selector. */
function labelsToMeet({ requirements }: LabelSelector, labels: Labels): readonly LabelChange[] | undefined {
  const changes: LabelChange[] = [];
  for (const key of new Set(requirements.map((one) => one.key))) {
    const own = requirements.filter((one) => one.key === key);
    const before = labels.get(key);
    const candidates = [
      before,
      ...own.flatMap(({ operator, values }) => (operator === "In" ? values : [])),
      ...FILLERS,
    ];
    const meets = (value: string | undefined) => own.every((one: LabelRequirement) => isMet(one, value));
    const found = candidates.findIndex(meets);
    if (found < 0) return undefined;
    if (candidates[found] !== before) changes.push([key, candidates[found]]);
  }
  return changes;
}

/** What a label may be where no value is asked for: absent, or anything. */
const FILLERS = [undefined, "true", "any-other-value"];

function waysToHit(port: PolicyPort, receiver: Pod | undefined, { packet }: Seen): readonly (readonly Change[])[] {
  if (matchesPort(port, receiver, packet)) return [[]];
  const { protocol, port: which } = port;
  const { destinationPort } = packet;
  if (which === undefined) return [[{ type: "port", protocol, port: destinationPort }]];
  if (typeof which === "object") return [[{ type: "port", protocol, port: which.from }]];
  const number = receiver?.ports.get(containerPortKey(protocol, which));
  if (number !== undefined) return [[{ type: "port", protocol, port: number }]];
  if (receiver === undefined || protocol !== packet.protocol || destinationPort === undefined) return [];
  return [[{ type: "port-name", pod: receiver, protocol, port: destinationPort, name: which }]];
}
