import { familyOf, formatCidr, formatIp, type IpFamily } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { SOURCE_ZONE } from "../../layout/conntrack.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import type { Site } from "../../layout/sites.ts";
import { TABLES, type TableName } from "../../layout/tables.ts";
import { HAIRPIN_ADDRESS, REJECT_ADDRESS, VIRTUAL_NETWORKS } from "../../layout/virtual-addresses.ts";
import type { Node, Port } from "../../model/model.ts";
import { podKeyOf } from "../../model/pod-of-port.ts";
import type { Owner } from "../../owner.ts";
import { gatewayAddress } from "../nodes.ts";
import { tablesOf } from "../policy/stages.ts";
import {
  alsoMatchRegister,
  contributeFlow,
  ctState,
  ETH_TYPE,
  fromSource,
  goto,
  handToHost,
  IN_PORT,
  matchRegister,
  STATE,
  setRegister,
  toAddress,
} from "../vocabulary.ts";

const WEIR: Owner = { kind: "Weir", name: "base" };
const FAMILIES = [4, 6] as const;
const ETH_TYPES = { 4: ETH_TYPE.ipv4, 6: ETH_TYPE.ipv6 } as const;
const BACK = matchRegister("isHairpin", 1);

function flow(
  owner: Owner,
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
): Contribution {
  return contributeFlow([owner], site, table, priority, spec, actions);
}

/** What every bridge has for services, whether there are any or not. */
export function deriveFixed(): readonly Contribution[] {
  const next = (table: TableName, to: TableName): Contribution =>
    flow(WEIR, "services/next", table, PRIORITY.miss, {}, [goto(to)]);
  // What is translated is known; only its first packet asks for an endpoint, from wherever it comes but a peer, who has chosen.
  const asks = ctState(STATE.new, STATE.rel | STATE.rpl | STATE.dnat);
  return [
    ...[SOURCE.pod, SOURCE.gateway].map((source) =>
      flow(WEIR, "services/next", "ConnectionState", PRIORITY.address, { ...fromSource(source), ...asks }, [
        goto("Service"),
      ]),
    ),
    next("Service", "Endpoint"),
    flow(WEIR, "services/next", "ServiceAffinity", PRIORITY.miss, {}, []),
    flow(WEIR, "services/next", "ServiceLearn", PRIORITY.miss, {}, []),
    flow(WEIR, "services/next", "EndpointNat", PRIORITY.miss, {}, []),
    next("SourceNat", "Output"),
    ...FAMILIES.flatMap(deriveVirtual),
    flow(WEIR, "services/hairpin", "Output", PRIORITY.address, BACK, [{ type: "output", port: IN_PORT }]),
  ];
}

function deriveVirtual(family: IpFamily): readonly Contribution[] {
  const eth_type = ETH_TYPES[family];
  const hairpin = HAIRPIN_ADDRESS[family];
  const rejected = toAddress(REJECT_ADDRESS[family]);
  const reveal: Action = { type: "ct", zone: SOURCE_ZONE, nat: true, table: TABLES.Conntrack.id };
  const nat = { type: "src", minAddress: hairpin } as const;
  const hide: Action = { type: "ct", commit: true, zone: SOURCE_ZONE, nat, table: TABLES.Output.id };
  const back = [setRegister("isHairpin", 1), ...handToHost()];
  return [
    // To the zone of all connections it is nobody's answer, and no beginning. Looked for once.
    flow(
      WEIR,
      "services/hairpin",
      "ConnectionState",
      PRIORITY.exempt,
      { ...toAddress(hairpin), ...matchRegister("isHairpin", 0) },
      [setRegister("isHairpin", 1), reveal],
    ),
    // Nobody is behind it, so there was nothing to answer.
    flow(WEIR, "services/hairpin", "Route", PRIORITY.forbid, toAddress(hairpin), []),
    flow(
      WEIR,
      "services/hairpin",
      "SourceNat",
      PRIORITY.address,
      { eth_type, ...alsoMatchRegister(BACK, "isReply", 0) },
      [hide],
    ),
    flow(WEIR, "services/reject", "Endpoint", PRIORITY.address, rejected, [goto("Route")]),
    flow(WEIR, "services/reject", "Route", PRIORITY.address, rejected, handToHost()),
    // An endpoint that the host alone can reach: the packet goes back there, and must not look like the host's own.
    flow(
      WEIR,
      "services/hairpin",
      "Route",
      PRIORITY.fallback,
      { eth_type, ...fromSource(SOURCE.gateway), ...ctState(STATE.dnat, STATE.rpl) },
      back,
    ),
    flow(WEIR, "services/reject", "Route", PRIORITY.except, { ...fromSource(SOURCE.gateway), ...rejected }, back),
  ];
}

/** A pod that has chosen itself. It has left the pod all the same: policies are asked, as far as they speak of it. */
export function derivePort(port: Port): readonly Contribution[] {
  const name = port.podName === "" ? port.name : podKeyOf(port);
  const owner = { kind: "Pod", name, part: `interface ${port.name}` };
  return port.ips.map((ip) =>
    flow(
      owner,
      "services/hairpin",
      "Endpoint",
      PRIORITY.address,
      { in_port: port.ofport, ...ctState(STATE.dnat), ...toAddress(ip) },
      [setRegister("isHairpin", 1), goto(tablesOf("egress")[0])],
    ),
  );
}

/** The node as an endpoint of what its own processes ask for, and the way from it to the virtual addresses. */
export function deriveNode(node: Node): readonly Contribution[] {
  const own = [
    ...node.podCidrs.map((cidr) => ({ ip: gatewayAddress(cidr), part: `podCIDR ${formatCidr(cidr)}` })),
    ...node.addresses.map((ip) => ({ ip, part: `address ${formatIp(ip)}` })),
  ];
  const families = new Set(node.podCidrs.map(({ address }) => familyOf(address)));
  const routes = [...families].map((family): Contribution => {
    const route = { destination: VIRTUAL_NETWORKS[family], device: "gateway" } as const;
    return { target: "host", owner: { kind: "Node", name: node.name }, item: { type: "route", route } };
  });
  const flows = own.map(({ ip, part }) =>
    flow(
      { kind: "Node", name: node.name, part },
      "services/hairpin",
      "Route",
      PRIORITY.except,
      { ...fromSource(SOURCE.gateway), ...toAddress(ip) },
      [setRegister("isHairpin", 1), ...handToHost()],
    ),
  );
  return [...flows, ...routes];
}
