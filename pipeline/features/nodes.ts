import {
  addToIp,
  type Cidr,
  cidrContains,
  familyOf,
  formatCidr,
  formatIp,
  type Ip,
  prefixMask,
} from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution, Feature, HostItem } from "../feature.ts";
import type { HostRoute } from "../host-state.ts";
import { GATEWAY_MAC, PORTS, ROUTER_MAC, TUNNEL_KEY } from "../layout/ports.ts";
import { PRIORITY } from "../layout/priorities.ts";
import { SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES } from "../layout/tables.ts";
import type { Node, View } from "../model/model.ts";
import type { Owner } from "../owner.ts";
import type { Settings } from "../settings.ts";
import { fromSource, sendTo, toAddress } from "./vocabulary.ts";

/** How the pods and addresses of each node are reached, this one included. One key a node. */
export function createNodesFeature(settings: Settings): Feature {
  return {
    name: "nodes",
    always: [],
    affected(change, view) {
      const touchesAll = change.kind === "Underlay" || (change.kind === "Node" && change.key === settings.nodeName);
      if (touchesAll) return new Set([...view.Node.keys(), change.kind === "Node" ? change.key : settings.nodeName]);
      return change.kind === "Node" ? [change.key] : [];
    },
    derive(key, view) {
      const node = view.Node.get(key);
      if (node === undefined) return [];
      return key === settings.nodeName ? deriveSelf(node) : derivePeer(node, view, settings);
    },
  };
}

/** The first address of each podCIDR is the node's own, on weir-gw0. */
export function gatewayAddress(cidr: Cidr): Ip {
  return addToIp(cidr.address, 1);
}

function deriveSelf(node: Node): readonly Contribution[] {
  const contributions: Contribution[] = [];
  for (const cidr of node.podCidrs) {
    const owner = ownerOf(node, `podCIDR ${formatCidr(cidr)}`);
    const gateway = gatewayAddress(cidr);
    contributions.push(
      flow("nodes/gateway", owner, PRIORITY.address, toAddress(gateway), sendTo(PORTS.gateway, GATEWAY_MAC)),
      flow("nodes/absent", owner, PRIORITY.network, toNetwork(cidr), []),
      host(owner, { type: "gateway-address", cidr: `${formatIp(gateway)}/${cidr.prefixLength}` }),
      host(owner, { type: "pod-cidr", cidr: formatCidr(cidr), local: true }),
    );
  }
  for (const address of node.addresses) {
    const owner = ownerOf(node, `address ${formatIp(address)}`);
    contributions.push(
      flow("nodes/gateway", owner, PRIORITY.address, toAddress(address), sendTo(PORTS.gateway, GATEWAY_MAC)),
      host(owner, { type: "node-address", address: formatIp(address) }),
    );
  }
  return contributions;
}

function derivePeer(peer: Node, view: View, settings: Settings): readonly Contribution[] {
  const self = view.Node.get(settings.nodeName);
  const endpoint = tunnelEndpoint(self, peer);
  const direct = isDirect(peer, endpoint, view, settings);
  const contributions: Contribution[] = [];
  for (const cidr of peer.podCidrs) {
    const owner = ownerOf(peer, `podCIDR ${formatCidr(cidr)}`);
    contributions.push(host(owner, { type: "pod-cidr", cidr: formatCidr(cidr), local: false }));
    const route = direct ? directRoute(cidr, peer, view) : gatewayRoute(cidr, self);
    if (route !== undefined) contributions.push(host(owner, { type: "route", route }));
    if (!direct && endpoint !== undefined)
      contributions.push(
        flow("nodes/peer", owner, PRIORITY.network, toNetwork(cidr), [
          { type: "dec_ttl" },
          ...sendThroughTunnel(endpoint),
        ]),
      );
  }
  for (const address of peer.addresses) {
    const owner = ownerOf(peer, `address ${formatIp(address)}`);
    contributions.push(host(owner, { type: "node-address", address: formatIp(address) }));
    if (!direct && endpoint !== undefined) {
      const fromPods = { ...fromSource(SOURCE.pod), ...toAddress(address) };
      contributions.push(
        flow("nodes/peer-address", owner, PRIORITY.address, fromPods, [
          { type: "dec_ttl" },
          ...sendThroughTunnel(endpoint),
        ]),
      );
    }
  }
  return [...contributions, ...problemsOf(peer, self, endpoint, direct)];
}

/** never: every peer is direct, its subnet or not; what lies between routes. hybrid: those in a subnet of the underlay. */
function isDirect(peer: Node, endpoint: Ip | undefined, view: View, settings: Settings): boolean {
  if (settings.encapsulation === "always") return false;
  if (settings.encapsulation === "never") return true;
  return (
    endpoint !== undefined &&
    isOnLink(endpoint, view) &&
    peer.podCidrs.every((cidr) => nextHop(cidr, peer, view) !== undefined)
  );
}

/** The peer's address in the family of this node's first one: the family in which the two are sure to talk. */
function tunnelEndpoint(self: Node | undefined, peer: Node): Ip | undefined {
  const own = self?.addresses[0];
  if (own === undefined) return peer.addresses[0];
  return peer.addresses.find((address) => familyOf(address) === familyOf(own));
}

function isOnLink(address: Ip, view: View): boolean {
  return [...view.Underlay.values()].some((underlay) =>
    underlay.networks.some((network) => cidrContains(network, address)),
  );
}

function nextHop(cidr: Cidr, peer: Node, view: View): Ip | undefined {
  return peer.addresses.find((address) => familyOf(address) === familyOf(cidr.address) && isOnLink(address, view));
}

/** To a peer in no common subnet there is none: the underlay's own routing has to know its podCIDR. */
function directRoute(cidr: Cidr, peer: Node, view: View): HostRoute | undefined {
  const via = nextHop(cidr, peer, view);
  return via === undefined ? undefined : { destination: formatCidr(cidr), via: formatIp(via), device: "transport" };
}

/**
 * The node's own packets to a peer's pods carry the gateway's address, so that their answers come back through the tunnel. The
 * peer's gateway as next hop is one neighbour a node; without it the kernel would keep one a pod, and it keeps 1024 at most.
 */
function gatewayRoute(cidr: Cidr, self: Node | undefined): HostRoute {
  const own = self?.podCidrs.find((candidate) => familyOf(candidate.address) === familyOf(cidr.address));
  const via = formatIp(gatewayAddress(cidr));
  const route = { destination: formatCidr(cidr), via, device: "gateway" } as const;
  return own === undefined ? route : { ...route, source: formatIp(gatewayAddress(own)) };
}

function sendThroughTunnel(endpoint: Ip): readonly Action[] {
  const field = familyOf(endpoint) === 4 ? "tun_dst" : "tun_ipv6_dst";
  return [
    { type: "set_field", field: "tun_id", value: TUNNEL_KEY },
    { type: "set_field", field, value: endpoint },
    ...sendTo(PORTS.tunnel, ROUTER_MAC),
  ];
}

function problemsOf(
  peer: Node,
  self: Node | undefined,
  endpoint: Ip | undefined,
  direct: boolean,
): readonly Contribution[] {
  const owner = ownerOf(peer);
  const problem = (field: string, message: string): Contribution => ({
    target: "problem",
    owner,
    problem: { source: "nodes", object: `Node ${peer.name}`, field, message },
  });
  const problems: Contribution[] = [];
  if (!direct && endpoint === undefined)
    problems.push(
      problem(
        "status.addresses",
        peer.addresses.length === 0
          ? "has no InternalIP, so its pods cannot be reached; the kubelet or the cloud controller sets it"
          : "has no InternalIP of the family of this node's first one, so no tunnel leads to it",
      ),
    );
  if (self?.podMtu !== undefined && peer.podMtu !== undefined && self.podMtu !== peer.podMtu)
    problems.push(
      problem(
        "metadata.annotations",
        `its pods have MTU ${peer.podMtu}, those of ${self.name} have ${self.podMtu}; large packets between them are lost: set traffic.mtu to the smaller on both`,
      ),
    );
  return problems;
}

function toNetwork(cidr: Cidr): MatchSpec {
  return toAddress(cidr.address, prefixMask(familyOf(cidr.address), cidr.prefixLength));
}

function ownerOf(node: Node, part?: string): Owner {
  return part === undefined ? { kind: "Node", name: node.name } : { kind: "Node", name: node.name, part };
}

function flow(site: Site, owner: Owner, priority: number, spec: MatchSpec, actions: readonly Action[]): Contribution {
  return { target: "flow", flow: { table: TABLES.Route.id, priority, match: match(spec), actions }, site, owner };
}

function host(owner: Owner, item: HostItem): Contribution {
  return { target: "host", item, owner };
}
