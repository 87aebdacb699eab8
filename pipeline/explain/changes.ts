import type { Ip } from "#base/address.ts";
import type { Labels, Pod } from "../model/model.ts";
import type { ClusterPolicyPeer, Direction } from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";
import type { Judged, Packet, PodOf } from "./evaluate.ts";
import { describePeer, podName, protocolName } from "./words.ts";

/** One thing that could be otherwise. */
export type Change =
  | { readonly type: "port"; readonly protocol: number; readonly port: number | undefined }
  /** The other end is somewhere in a network, or is a pod. */
  | { readonly type: "address"; readonly ip: Ip; readonly of: ClusterPolicyPeer | Pod }
  | { readonly type: "label"; readonly pod: Pod; readonly label: string; readonly value: string | undefined }
  | { readonly type: "namespace"; readonly pod: Pod; readonly namespace: string }
  | {
      readonly type: "namespace-label";
      readonly namespace: string;
      readonly before: Labels;
      readonly label: string;
      readonly value: string | undefined;
    }
  /** The container port of this number has that name. */
  | {
      readonly type: "port-name";
      readonly pod: Pod;
      readonly protocol: number;
      readonly port: number;
      readonly name: string;
    };

/** All that an evaluation asks for. */
export interface Situation {
  readonly objects: Judged;
  readonly podOf: PodOf;
  readonly packet: Packet;
}

/** How it would be with these changes. `direction` says whose policies are asked, and so which end is the other one. */
export function carryOut(situation: Situation, changes: readonly Change[], direction: Direction): Situation {
  return changes.reduce((before, change) => apply(before, change, direction), situation);
}

function apply(situation: Situation, change: Change, direction: Direction): Situation {
  const { objects, packet } = situation;
  switch (change.type) {
    case "port": {
      const { protocol, port } = change;
      return { ...situation, packet: { ...packet, protocol, destinationPort: port } };
    }
    case "address": {
      const end = direction === "ingress" ? "source" : "destination";
      return { ...situation, packet: { ...packet, [end]: change.ip } };
    }
    case "label":
      return changePod(situation, change.pod, (pod) => ({ labels: withLabel(pod.labels, change.label, change.value) }));
    case "namespace":
      return changePod(situation, change.pod, () => ({ namespace: change.namespace }));
    case "port-name": {
      const key = containerPortKey(change.protocol, change.name);
      return changePod(situation, change.pod, ({ ports }) => ({ ports: new Map([...ports, [key, change.port]]) }));
    }
    case "namespace-label": {
      const { namespace: name, label, value } = change;
      const { uid = "", labels = change.before } = objects.Namespace.get(name) ?? {};
      const changed = { name, uid, labels: withLabel(labels, label, value) };
      return { ...situation, objects: { ...objects, Namespace: new Map([...objects.Namespace, [name, changed]]) } };
    }
  }
}

/** A pod is known by the object that it was at first: several changes of it come one after another. */
function changePod({ objects, podOf, packet }: Situation, pod: Pod, change: (pod: Pod) => Partial<Pod>): Situation {
  const before = pod.ips.map(podOf).find((one) => one !== undefined) ?? pod;
  const after = { ...before, ...change(before) };
  return {
    objects,
    packet,
    podOf: (ip) => {
      const found = podOf(ip);
      return found === before ? after : found;
    },
  };
}

function withLabel(labels: Labels, label: string, value: string | undefined): Labels {
  const changed = new Map(labels);
  if (value === undefined) changed.delete(label);
  else changed.set(label, value);
  return changed;
}

/** "label app=web of pod default/api were app=api", "the port were 8080/TCP", "it came from 10.0.0.0/8". */
export function describeChange(change: Change, direction: Direction): string {
  switch (change.type) {
    case "port":
      return change.port === undefined
        ? `it were ${protocolName(change.protocol)}`
        : `the port were ${change.port}/${protocolName(change.protocol)}`;
    case "address": {
      const who = "type" in change.of ? describePeer(change.of) : `pod ${podName(change.of)}`;
      return direction === "ingress" ? `it came from ${who}` : `it went to ${who}`;
    }
    case "label":
      return describeLabel(`pod ${podName(change.pod)}`, change.pod.labels, change);
    case "namespace":
      return `pod ${podName(change.pod)} were in namespace ${change.namespace}`;
    case "namespace-label":
      return describeLabel(`namespace ${change.namespace}`, change.before, change);
    case "port-name":
      return `port ${change.port}/${protocolName(change.protocol)} of pod ${podName(change.pod)} were named ${change.name}`;
  }
}

function describeLabel(
  whose: string,
  labels: Labels,
  { label, value }: { readonly label: string; readonly value: string | undefined },
): string {
  const before = labels.get(label);
  if (value === undefined) return `${whose} had no label ${label}`;
  if (before === undefined) return `${whose} had label ${label}=${value}`;
  return `label ${label}=${before} of ${whose} were ${label}=${value}`;
}
