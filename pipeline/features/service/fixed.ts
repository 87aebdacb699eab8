import type { IpFamily } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { PORTS } from "../../layout/ports.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import type { Site } from "../../layout/sites.ts";
import type { TableName } from "../../layout/tables.ts";
import { HAIRPIN_ADDRESS, NODE_PORT_ADDRESS, REJECT_ADDRESS } from "../../layout/virtual-addresses.ts";
import type { Port } from "../../model/model.ts";
import { podKeyOf } from "../../model/pod-of-port.ts";
import type { Owner } from "../../owner.ts";
import { STAGES, tablesOf } from "../policy/stages.ts";
import {
  alsoMatchRegister,
  contributeFlow,
  ctState,
  ethTypeOf,
  fromAddress,
  fromSource,
  goto,
  handToHost,
  IN_PORT,
  matchRegister,
  STATE,
  setRegister,
  toAddress,
} from "../vocabulary.ts";
import { ASKS, hideBehind, lookUpNodePort, reveal } from "./steps.ts";

const WEIR: Owner = { kind: "Weir", name: "base" };
const FAMILIES = [4, 6] as const;

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
  const ask = (source: number, actions: readonly Action[]): Contribution =>
    flow(WEIR, "services/next", "ConnectionState", PRIORITY.address, { ...fromSource(source), ...ASKS }, [
      ...actions,
      goto("Service"),
    ]);
  const gateway = { in_port: PORTS.gateway, ...matchRegister("outputPort", PORTS.gateway) };
  return [
    ask(SOURCE.pod, []),
    ask(SOURCE.gateway, [setRegister("isOutside", 1)]),
    next("Service", "Endpoint"),
    flow(WEIR, "services/next", "ServiceAffinity", PRIORITY.miss, {}, []),
    flow(WEIR, "services/next", "ServiceLearn", PRIORITY.miss, {}, []),
    flow(WEIR, "services/next", "EndpointNat", PRIORITY.miss, {}, []),
    next("SourceNat", "Output"),
    ...FAMILIES.flatMap(deriveVirtual),
    flow(WEIR, "services/hairpin", "Output", PRIORITY.address, gateway, [{ type: "output", port: IN_PORT }]),
  ];
}

function deriveVirtual(family: IpFamily): readonly Contribution[] {
  const eth_type = ethTypeOf(family);
  const hairpin = HAIRPIN_ADDRESS[family];
  const rejected = toAddress(REJECT_ADDRESS[family]);
  const hidden = alsoMatchRegister(matchRegister("isHairpin", 1), "isReply", 0);
  const back = [setRegister("isHairpin", 1), ...handToHost()];
  return [
    reveal(WEIR, hairpin),
    // Nobody is behind it, so there was nothing to answer.
    flow(WEIR, "services/hairpin", "Route", PRIORITY.forbid, toAddress(hairpin), []),
    flow(WEIR, "services/hairpin", "SourceNat", PRIORITY.address, { eth_type, ...hidden }, [hideBehind(hairpin)]),
    flow(WEIR, "services/reject", "Endpoint", PRIORITY.address, rejected, [goto("Route")]),
    flow(WEIR, "services/reject", "Route", PRIORITY.address, rejected, handToHost()),
    // An endpoint that the host alone can reach: the packet goes back there, and must not look like the host's own.
    flow(
      WEIR,
      "services/hairpin",
      "Route",
      PRIORITY.fallback,
      { eth_type, ...alsoMatchRegister(fromSource(SOURCE.gateway), "isServed", 1) },
      back,
    ),
    flow(WEIR, "services/reject", "Route", PRIORITY.except, { ...fromSource(SOURCE.gateway), ...rejected }, back),
    ...deriveWayBack(family),
  ];
}

/** Whom the host has sent here under another address it has to give their own again, be they a pod of this node. */
function deriveWayBack(family: IpFamily): readonly Contribution[] {
  const eth_type = ethTypeOf(family);
  const virtual = NODE_PORT_ADDRESS[family];
  const answer = { ...fromAddress(virtual), ...matchRegister("isReply", 1) };
  const revealed = {
    eth_type,
    ...alsoMatchRegister(matchRegister("isRevealed", 1), "isServed", 0),
    ...ctState(STATE.rpl),
  };
  const served = { eth_type, ...fromSource(SOURCE.gateway), ...ctState(STATE.dnat, STATE.rpl) };
  const asked = { ...toAddress(virtual), ...matchRegister("toNodePort", 0) };
  return [
    flow(WEIR, "services/node-port", "Service", PRIORITY.exempt, asked, lookUpNodePort()),
    flow(WEIR, "services/outside", "Endpoint", PRIORITY.fallback, served, [setRegister("isServed", 1), goto("Route")]),
    flow(WEIR, "services/node-port", "Route", PRIORITY.back, answer, handToHost()),
    // A client outside of the cluster, whose endpoint has answered from elsewhere.
    flow(WEIR, "services/hairpin", "Route", PRIORITY.fallback, revealed, handToHost()),
  ];
}

/** A pod that has chosen itself. It has left the pod all the same: policies are asked, as far as they speak of it. */
export function derivePort(port: Port): readonly Contribution[] {
  const name = port.podName === "" ? port.name : podKeyOf(port);
  const owner = { kind: "Pod", name, part: `interface ${port.name}` };
  const itself = { in_port: port.ofport, ...matchRegister("outputPort", port.ofport) };
  return [
    ...port.ips.flatMap((ip) => {
      const chosen = { ...ctState(STATE.dnat), ...toAddress(ip) };
      const hide = setRegister("isHairpin", 1);
      const throughHost = { ...fromSource(SOURCE.gateway), ...chosen, ...fromAddress(ip) };
      return [
        flow(owner, "services/hairpin", "Endpoint", PRIORITY.address, { in_port: port.ofport, ...chosen }, [
          hide,
          goto(tablesOf(STAGES.egress)[0]),
        ]),
        flow(owner, "services/hairpin", "Endpoint", PRIORITY.except, throughHost, [hide, goto("Route")]),
      ];
    }),
    // What it asks, and what it answers.
    ...(["isHairpin", "isRevealed"] as const).map((register) =>
      flow(owner, "services/hairpin", "Output", PRIORITY.address, { ...itself, ...matchRegister(register, 1) }, [
        { type: "output", port: IN_PORT },
      ]),
    ),
  ];
}
