import { familyOf, type Ip, type IpFamily } from "#base/address.ts";
import type { Pod } from "../model/model.ts";
import type { Cluster } from "./cluster.ts";
import { type Decider, type Decision, decisionOf, meetingPoints } from "./decision.ts";
import { createEvaluator, type Packet } from "./evaluate.ts";
import { outsideOf } from "./outside.ts";
import { classifyPods, distinguish } from "./pod-classes.ts";
import { classifyPorts, type PortClass, packetOf } from "./port-classes.ts";
import { podName } from "./words.ts";
import { workloadOf } from "./workloads.ts";

/** Between two clusters: what passes only in one of them. */
export interface Difference {
  readonly ports: readonly PortClass[];
  readonly changes: readonly Connectivity[];
  /** Names of pods that only one of the two has. */
  readonly podsAdded: readonly string[];
  readonly podsRemoved: readonly string[];
}

/** Traffic that passes in one and not in the other, at one port. */
export interface Connectivity {
  readonly type: "added" | "removed";
  readonly from: Party;
  readonly to: Party;
  readonly port: PortClass;
  /** Undefined where it is so in each family that the two have in common. */
  readonly family: IpFamily | undefined;
  /** Who decides it in the second cluster. */
  readonly by: readonly Decider[];
}

/** Pods that neither cluster tells apart, or addresses outside. */
export interface Party {
  readonly name: string;
  readonly members: readonly string[];
}

/** A party, and who stands for it in a cluster: two of it where there are, for they may talk to each other. */
interface Sampled extends Party {
  at(cluster: Cluster, place: 0 | 1): Pick<Pod, "ips"> | undefined;
}

export function compareClusters(before: Cluster, after: Cluster): Difference {
  const ports = classifyPorts(before.objects, after.objects);
  const parties = partiesOf(before, after);
  const decideBefore = createDecider(before);
  const decideAfter = createDecider(after);
  const changes = parties.flatMap((from) =>
    parties.flatMap((to) =>
      ports.flatMap((port) => changesOf(from, to, port, decideBefore(from, to, port), decideAfter(from, to, port))),
    ),
  );
  const missingIn = (cluster: Cluster, other: Cluster) =>
    [...other.objects.Pod.keys()].filter((key) => !cluster.objects.Pod.has(key)).sort();
  return { ports, changes, podsAdded: missingIn(before, after), podsRemoved: missingIn(after, before) };
}

type Decisions = ReadonlyMap<IpFamily, Decision>;

function changesOf(
  from: Party,
  to: Party,
  port: PortClass,
  before: Decisions,
  after: Decisions,
): readonly Connectivity[] {
  const families = ([4, 6] as const).filter((family) => before.has(family) || after.has(family));
  const changed = families.flatMap((family) => {
    const then = before.get(family)?.verdict === "allow";
    const now = after.get(family)?.verdict === "allow";
    const type = now ? ("added" as const) : ("removed" as const);
    return then === now ? [] : [{ type, from, to, port, family, by: after.get(family)?.by ?? [] }];
  });
  const [first] = changed;
  const isSame = first !== undefined && changed.every(({ type }) => type === first.type);
  return isSame && changed.length === families.length ? [{ ...first, family: undefined }] : changed;
}

function createDecider(cluster: Cluster): (from: Sampled, to: Sampled, port: PortClass) => Decisions {
  const evaluator = createEvaluator(cluster.objects, cluster.podOf);
  return (from, to, port) => {
    const source = from.at(cluster, 0);
    // One alone has nobody of its own to talk to.
    const destination = to.at(cluster, from === to ? 1 : 0);
    if (source === undefined || destination === undefined) return new Map();
    const decide = (ends: Pick<Packet, "source" | "destination">) => decisionOf(evaluator(packetOf(ends, port)));
    return new Map(meetingPoints(source, destination).map((ends) => [familyOf(ends.source), decide(ends)]));
  };
}

function partiesOf(before: Cluster, after: Cluster): readonly Sampled[] {
  const pods = new Map([...before.objects.Pod, ...after.objects.Pod]);
  const ofPods = classifyPods(
    [...pods].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pod]) => pod),
    distinguish(before),
    distinguish(after),
  ).map(({ pods: members }): Sampled => {
    const names = members.map(podName);
    const at = (cluster: Cluster, place: 0 | 1) => {
      const pod = cluster.objects.Pod.get(names[place] ?? "");
      return pod?.completed ? undefined : pod;
    };
    return { name: nameOf(members), members: names, at };
  });
  const nodes = [before, after].flatMap(({ objects }) =>
    [...objects.Node.values()].flatMap(({ addresses }) => addresses),
  );
  const isTaken = (ip: Ip) => [before, after].some(({ podOf }) => podOf(ip) !== undefined) || nodes.includes(ip);
  const outside = outsideOf(isTaken, before.objects, after.objects).map(({ name, ip }): Sampled => {
    return { name, members: [name], at: (_, place) => (place === 0 ? { ips: [ip] } : undefined) };
  });
  return [...ofPods, ...outside];
}

const MOST_NAMES = 3;

/** "shop/web", "shop/app=web (3 pods)", "shop/a, shop/b, shop/c and 4 more". */
function nameOf(pods: readonly [Pod, ...Pod[]]): string {
  const workload = workloadOf(pods[0]);
  if (pods.length === 1) return podName(pods[0]);
  if (pods.every((pod) => workloadOf(pod) === workload)) return `${workload} (${pods.length} pods)`;
  const others = pods.length - MOST_NAMES;
  return pods.slice(0, MOST_NAMES).map(podName).join(", ") + (others > 0 ? ` and ${others} more` : "");
}
