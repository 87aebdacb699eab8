import { addToIp, type Cidr, cidrContains, familyOf, formatCidr, formatIp, type Ip } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution, Feature, HostItem } from "../feature.ts";
import type { HostRoute } from "../host-state.ts";
import { POD_MTU_ANNOTATION } from "../ingest/kubernetes.ts";
import { PORTS, ROUTER_MAC, TUNNEL_KEY } from "../layout/ports.ts";
import { networkPriority, PRIORITY } from "../layout/priorities.ts";
import { SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import type { TableName } from "../layout/tables.ts";
import type { Node, View } from "../model/model.ts";
import type { Owner } from "../owner.ts";
import type { Settings } from "../settings.ts";
import {
  contributeFlow,
  forwardTo,
  fromAddress,
  fromSource,
  goto,
  handToHost,
  toAddress,
  toNetwork,
} from "./vocabulary.ts";

/** How the pods and addresses of each node are reached, this one included. One key a node. */
export function createNodesFeature(settings: Settings): Feature {
  return {
    name: "nodes",
    always: [],
    affected(change, view) {
      const touchesAll = change.kind === "Underlay" || (change.kind === "Node" && change.key === settings.nodeName);
      if (touchesAll) return new Set([...view.Node.keys(), settings.nodeName]);
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
      ...gatewayFlows(owner, gateway),
      toNetworkFlow("nodes/absent", owner, cidr, []),
      host(owner, { type: "gateway-address", cidr: `${formatIp(gateway)}/${cidr.prefixLength}` }),
      host(owner, { type: "pod-cidr", cidr: formatCidr(cidr), local: true }),
    );
  }
  for (const address of node.addresses) {
    const owner = ownerOf(node, `address ${formatIp(address)}`);
    contributions.push(
      ...gatewayFlows(owner, address),
      host(owner, { type: "node-address", address: formatIp(address) }),
    );
  }
  return [...contributions, ...whatIsMissing(node)];
}

/** An address of this node: packets to it are the host's, and packets from it need no policy's leave. */
function gatewayFlows(owner: Owner, address: Ip): readonly Contribution[] {
  const fromHost = { ...fromSource(SOURCE.gateway), ...fromAddress(address) };
  return [
    flow("nodes/gateway", owner, PRIORITY.address, toAddress(address), handToHost()),
    flow("nodes/own-pods", owner, PRIORITY.exempt, fromHost, [goto("Commit")], "IngressAdmin"),
  ];
}

function derivePeer(node: Node, view: View, settings: Settings): readonly Contribution[] {
  const self = view.Node.get(settings.nodeName);
  const peer = withoutAddressesOf(self, node);
  const endpoint = tunnelEndpoint(self, peer);
  const direct = isDirect(peer, endpoint, view, settings);
  const contributions: Contribution[] = [];
  for (const cidr of peer.podCidrs) {
    const owner = ownerOf(peer, `podCIDR ${formatCidr(cidr)}`);
    contributions.push(host(owner, { type: "pod-cidr", cidr: formatCidr(cidr), local: false }));
    // This node's own pods come first: what overlaps them leads nowhere else, and is told.
    if (overlappedBy(cidr, self) !== undefined) continue;
    const route = direct ? directRoute(cidr, peer, view) : gatewayRoute(cidr, self);
    if (route !== undefined) contributions.push(host(owner, { type: "route", route }));
    if (direct) continue;
    contributions.push(
      endpoint === undefined
        ? toNetworkFlow("nodes/unreachable", owner, cidr, [])
        : toNetworkFlow("nodes/peer", owner, cidr, sendThroughTunnel(endpoint)),
    );
  }
  for (const address of peer.addresses) {
    const owner = ownerOf(peer, `address ${formatIp(address)}`);
    contributions.push(host(owner, { type: "node-address", address: formatIp(address) }));
    if (direct || endpoint === undefined) continue;
    // Below the addresses of pods and of this node, one of which it may be by mistake.
    const priority = networkPriority(familyOf(address) === 4 ? 32 : 128);
    const fromPods = { ...fromSource(SOURCE.pod), ...toAddress(address) };
    contributions.push(flow("nodes/peer-address", owner, priority, fromPods, sendThroughTunnel(endpoint)));
  }
  return [...contributions, ...whatIsMissing(node), ...problemsBetween(node, self, direct || endpoint !== undefined)];
}

/** What leads to this node leads to no other: a Node with one of its addresses is its own old object, or a mistake. */
function withoutAddressesOf(self: Node | undefined, peer: Node): Node {
  return { ...peer, addresses: peer.addresses.filter((address) => !self?.addresses.includes(address)) };
}

/** The podCIDR of this node of which `cidr` is a part, or the other way round. */
function overlappedBy(cidr: Cidr, self: Node | undefined): Cidr | undefined {
  return self?.podCidrs.find((own) => cidrContains(own, cidr.address) || cidrContains(cidr, own.address));
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

/** The peer's address in the family of this node's first one, or else in the other, when this node has both. */
function tunnelEndpoint(self: Node | undefined, peer: Node): Ip | undefined {
  const own = self?.addresses ?? [];
  if (own.length === 0) return peer.addresses[0];
  const [first] = own;
  const common = peer.addresses.filter((address) => own.some((one) => familyOf(one) === familyOf(address)));
  return common.find((address) => familyOf(address) === familyOf(first!)) ?? common[0];
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
  return [...addressTunnel(endpoint), ...forwardTo(PORTS.tunnel, ROUTER_MAC)];
}

/** Which peer has what leaves by the tunnel's port. */
export function addressTunnel(endpoint: Ip): readonly Action[] {
  const field = familyOf(endpoint) === 4 ? "tun_dst" : "tun_ipv6_dst";
  return [
    { type: "set_field", field: "tun_id", value: TUNNEL_KEY },
    { type: "set_field", field, value: endpoint },
  ];
}

/** Where the tunnel to a pod of a peer ends; undefined for an address that is none there. */
export function tunnelToPod(self: Node, node: Node, ip: Ip): Ip | undefined {
  const isThere = node.podCidrs.some((cidr) => cidrContains(cidr, ip) && overlappedBy(cidr, self) === undefined);
  return isThere ? tunnelEndpoint(self, withoutAddressesOf(self, node)) : undefined;
}

function problem(node: Node, field: string, message: string): Contribution {
  return {
    target: "problem",
    owner: ownerOf(node),
    problem: { source: "nodes", object: `Node ${node.name}`, field, message },
  };
}

function whatIsMissing(node: Node): readonly Contribution[] {
  const problems: Contribution[] = [];
  if (node.addresses.length === 0)
    problems.push(
      problem(
        node,
        "status.addresses",
        "holds no usable InternalIP, so other nodes cannot reach its pods; the kubelet or the cloud's controller sets it",
      ),
    );
  if (node.podCidrs.length === 0)
    problems.push(
      problem(
        node,
        "spec.podCIDRs",
        "holds no usable network, so its pods get no addresses; kube-controller-manager sets it with --allocate-node-cidrs",
      ),
    );
  return problems;
}

function problemsBetween(peer: Node, self: Node | undefined, reachable: boolean): readonly Contribution[] {
  const problems: Contribution[] = [];
  const twice = peer.addresses.filter((address) => self?.addresses.includes(address));
  for (const address of twice) {
    const message = `holds ${formatIp(address)}, which is an address of ${self?.name}; delete the Node that is no more, or correct the other's address`;
    problems.push(problem(peer, "status.addresses", message));
  }
  if (!reachable && peer.addresses.length > twice.length)
    problems.push(
      problem(
        peer,
        "status.addresses",
        `holds no InternalIP of a family in which ${self?.name} has one, so no tunnel leads there; give both nodes one of the same family`,
      ),
    );
  for (const cidr of peer.podCidrs) {
    const own = overlappedBy(cidr, self);
    if (own === undefined) continue;
    const message = `holds ${formatCidr(cidr)}, which overlaps ${formatCidr(own)} of ${self?.name}, so its pods cannot be reached from there; remove the node and let it join anew`;
    problems.push(problem(peer, "spec.podCIDRs", message));
  }
  if (self?.podMtu !== undefined && peer.podMtu !== undefined && self.podMtu !== peer.podMtu)
    problems.push(
      problem(
        peer,
        `metadata.annotations[${POD_MTU_ANNOTATION}]`,
        `is ${peer.podMtu} and that of ${self.name} is ${self.podMtu}, so large packets between their pods are lost; set traffic.mtu to the smaller one on both`,
      ),
    );
  return problems;
}

function ownerOf(node: Node, part?: string): Owner {
  return part === undefined ? { kind: "Node", name: node.name } : { kind: "Node", name: node.name, part };
}

function flow(
  site: Site,
  owner: Owner,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
  table: TableName = "Route",
): Contribution {
  return contributeFlow([owner], site, table, priority, spec, actions);
}

function toNetworkFlow(site: Site, owner: Owner, cidr: Cidr, actions: readonly Action[]): Contribution {
  return flow(site, owner, networkPriority(cidr.prefixLength), toNetwork(cidr), actions);
}

function host(owner: Owner, item: HostItem): Contribution {
  return { target: "host", item, owner };
}
