import { addToIp, type Cidr, cidrContains, formatIp, formatMac, type Ip, type Mac } from "#base/address.ts";
import { flowKey } from "#openflow/flow.ts";
import { gatewayAddress } from "./features/nodes.ts";
import type { HostState } from "./host-state.ts";
import type { Node, Pod, View } from "./model/model.ts";
import { podNetworks } from "./model/pod-networks.ts";
import { createPipeline } from "./pipeline.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import type { RawChange } from "./source.ts";
import type { DesiredFlow, DesiredGroup, DesiredMeter } from "./switch-state.ts";

export interface Compiled {
  /** By table, then from the highest priority down, then by match: the same whatever the order of the manifests. */
  readonly flows: readonly DesiredFlow[];
  /** By number. */
  readonly groups: readonly DesiredGroup[];
  readonly meters: readonly DesiredMeter[];
  readonly host: HostState;
  readonly problems: readonly Problem[];
  /** What is not in the manifests and was made up: "pod default/web: port 10, MAC ..., address ...". */
  readonly assumptions: readonly string[];
}

const FIRST_ASSUMED_PORT = 10;
const FIRST_ASSUMED_MAC = 0x0a5800000000;

/** What a folder of manifests means for one node, without a switch: ports, and addresses that no status tells, are assumed. */
export function compile(settings: Settings, changes: readonly RawChange[]): Compiled {
  const pipeline = createPipeline(settings, ["manifests", "assumed"]);
  pipeline.step({ source: "manifests", synced: true, changes });
  const assumed = assumePorts(settings, pipeline.view);
  pipeline.step({ source: "assumed", synced: true, changes: assumed.changes });
  const absent = pipeline.view.Node.has(settings.nodeName)
    ? []
    : [
        {
          source: "manifests",
          object: `Node ${settings.nodeName}`,
          field: "metadata.name",
          message: `is in no manifest; there are ${[...pipeline.view.Node.keys()].join(", ") || "no nodes"}`,
        },
      ];
  return {
    flows: sortFlows(pipeline.desired.flows.values()),
    groups: [...pipeline.desired.groups.values()].sort((a, b) => a.group.groupId - b.group.groupId),
    meters: [...pipeline.desired.meters.values()].sort((a, b) => a.meter.meterId - b.meter.meterId),
    host: pipeline.desired.host(),
    problems: [...pipeline.problems(), ...absent],
    assumptions: assumed.assumptions,
  };
}

export function sortFlows(flows: Iterable<DesiredFlow>): DesiredFlow[] {
  const keyed = [...flows].map((desired) => ({ desired, key: flowKey(desired.flow) }));
  return keyed
    .sort(
      (a, b) =>
        a.desired.flow.table - b.desired.flow.table ||
        b.desired.flow.priority - a.desired.flow.priority ||
        (a.key < b.key ? -1 : 1),
    )
    .map(({ desired }) => desired);
}

function assumePorts(
  settings: Settings,
  view: View,
): { changes: readonly RawChange[]; assumptions: readonly string[] } {
  const node = view.Node.get(settings.nodeName);
  const pods = [...view.Pod.entries()]
    .filter(([, pod]) => runsOn(pod, settings.nodeName))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const taken = new Set<Ip>(pods.flatMap(([, pod]) => [...pod.ips]));
  const changes: RawChange[] = [];
  const assumptions: string[] = [];
  pods.forEach(([key, pod], i) => {
    const ips = (node === undefined ? pod.ips : addressesOf(pod, node, taken)).map(formatIp).join(",");
    const mac = formatMac((FIRST_ASSUMED_MAC + FIRST_ASSUMED_PORT + i) as Mac);
    const ofport = FIRST_ASSUMED_PORT + i;
    assumptions.push(
      `pod ${key}: port ${ofport}, MAC ${mac}, ${pod.ips.length > 0 ? "address" : "address assumed"} ${ips || "none"}`,
    );
    const externalIds = {
      "weir-mac": mac,
      "weir-ips": ips,
      "weir-pod-namespace": pod.namespace,
      "weir-pod-name": pod.name,
      "weir-pod-uid": pod.uid,
    };
    changes.push({ kind: "Port", key: `assumed${ofport}`, object: { name: `assumed${ofport}`, ofport, externalIds } });
  });
  return { changes, assumptions };
}

function runsOn(pod: Pod, nodeName: string): boolean {
  return pod.nodeName === nodeName && !pod.hostNetwork && !pod.completed;
}

/** The pod's own addresses, else the first free one of each podCIDR behind the gateway's. */
function addressesOf(pod: Pod, node: Node, taken: Set<Ip>): readonly Ip[] {
  if (pod.ips.length > 0) return pod.ips;
  return podNetworks(node).flatMap((cidr) => {
    const free = firstFree(cidr, taken);
    if (free === undefined) return [];
    taken.add(free);
    return [free];
  });
}

function firstFree(cidr: Cidr, taken: ReadonlySet<Ip>): Ip | undefined {
  let candidate = addToIp(gatewayAddress(cidr), 1);
  while (taken.has(candidate)) candidate = addToIp(candidate, 1);
  return cidrContains(cidr, candidate) ? candidate : undefined;
}
