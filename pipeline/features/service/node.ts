import { type Cidr, cidrContains, familyOf, formatCidr, formatIp, type Ip } from "#base/address.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution, HostItem } from "../../feature.ts";
import { PORTS } from "../../layout/ports.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import { VIRTUAL_NETWORKS } from "../../layout/virtual-addresses.ts";
import type { Node } from "../../model/model.ts";
import type { Owner } from "../../owner.ts";
import type { Settings } from "../../settings.ts";
import { gatewayAddress } from "../nodes.ts";
import {
  alsoMatchRegister,
  contributeFlow,
  ethTypeOf,
  fromAddress,
  fromNetwork,
  fromSource,
  goto,
  handToHost,
  matchRegister,
  setRegister,
  toAddress,
} from "../vocabulary.ts";
import { ASKS, hideBehind, lookUpNodePort, reveal } from "./steps.ts";

/** What services need of their clients' node: who counts as its own, where it is reached, how answers find back to it. */
export function deriveNode(node: Node, { encapsulation, nodePortNetworks }: Settings): readonly Contribution[] {
  const { podCidrs, addresses } = node;
  const hasTunnel = encapsulation !== "never";
  const ownerOf = (part: string): Owner => ({ kind: "Node", name: node.name, part });
  const ofCidr = (cidr: Cidr): Owner => ownerOf(`podCIDR ${formatCidr(cidr)}`);
  const ofAddress = (ip: Ip): Owner => ownerOf(`address ${formatIp(ip)}`);
  const hasNodePorts = (ip: Ip): boolean =>
    nodePortNetworks === undefined || nodePortNetworks.some((network) => cidrContains(network, ip));
  const families = new Set(podCidrs.map(({ address }) => familyOf(address)));
  return [
    ...podCidrs.flatMap((cidr) => [
      backToHost(ofCidr(cidr), gatewayAddress(cidr)),
      askOfOwn(ofCidr(cidr), fromNetwork(cidr)),
      ...(hasTunnel ? [keepsSource(ofCidr(cidr), fromNetwork(cidr)), ...comesBack(ofCidr(cidr), cidr)] : []),
    ]),
    ...addresses.flatMap((ip) => [
      backToHost(ofAddress(ip), ip),
      askOfOwn(ofAddress(ip), fromAddress(ip)),
      ...(hasTunnel ? [keepsSource(ofAddress(ip), fromAddress(ip))] : []),
      ...(hasNodePorts(ip) ? [nodePortsOf(ofAddress(ip), ip)] : []),
    ]),
    ...[...families].map((family): Contribution => {
      const route = { destination: VIRTUAL_NETWORKS[family], device: "gateway" } as const;
      return host({ kind: "Node", name: node.name }, { type: "route", route });
    }),
  ];
}

/** The node as an endpoint of what its own processes ask for. */
function backToHost(owner: Owner, ip: Ip): Contribution {
  const spec = { ...fromSource(SOURCE.gateway), ...toAddress(ip) };
  const actions = [setRegister("isHairpin", 1), ...handToHost()];
  return contributeFlow([owner], "services/hairpin", "Route", PRIORITY.except, spec, actions);
}

/**
 * Its pods, whom the host may have sent here, and its own processes. They are in the cluster: what a service keeps to its node for
 * clients outside is not meant for them.
 */
function askOfOwn(owner: Owner, from: MatchSpec): Contribution {
  const spec = { ...fromSource(SOURCE.gateway), ...ASKS, ...from };
  return contributeFlow([owner], "services/next", "ConnectionState", PRIORITY.except, spec, [goto("Service")]);
}

/** Answers to its own addresses find back by themselves. */
function keepsSource(owner: Owner, from: MatchSpec): Contribution {
  const spec = { ...throughTunnel(), ...from };
  return contributeFlow([owner], "services/own-clients", "SourceNat", PRIORITY.except, spec, [goto("Output")]);
}

/** From pods, without a detour over the host: policies see the endpoint. */
function nodePortsOf(owner: Owner, ip: Ip): Contribution {
  const spec = { ...alsoMatchRegister(fromSource(SOURCE.pod), "toNodePort", 0), ...toAddress(ip) };
  return contributeFlow([owner], "services/node-port", "Service", PRIORITY.exempt, spec, lookUpNodePort());
}

/**
 * Whoever comes from outside to an endpoint on another node has to come back through this one, which knows whom the client asked:
 * it is hidden behind the first address of the podCIDR, which is routed here and nobody has.
 */
function comesBack(owner: Owner, cidr: Cidr): readonly Contribution[] {
  const leaving = { ...throughTunnel(), eth_type: ethTypeOf(familyOf(cidr.address)) };
  return [
    contributeFlow([owner], "services/outside", "SourceNat", PRIORITY.address, leaving, [hideBehind(cidr.address)]),
    reveal(owner, cidr.address),
  ];
}

/** What has come from the host, has got an endpoint and goes to another node. Its state is not known any more once it is committed. */
function throughTunnel(): MatchSpec {
  const served = alsoMatchRegister(alsoMatchRegister(fromSource(SOURCE.gateway), "isServed", 1), "isHairpin", 0);
  return { ...served, ...matchRegister("outputPort", PORTS.tunnel) };
}

function host(owner: Owner, item: HostItem): Contribution {
  return { target: "host", owner, item };
}
