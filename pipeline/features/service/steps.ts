import type { Ip } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { Contribution } from "../../feature.ts";
import { SOURCE_ZONE } from "../../layout/conntrack.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { TABLES } from "../../layout/tables.ts";
import type { Owner } from "../../owner.ts";
import { alsoMatchRegister, contributeFlow, ctState, STATE, setRegister, toAddress } from "../vocabulary.ts";

/** The steps on a service's way that several of its parts take. */

/** What is translated is known; only its first packet asks for an endpoint, from wherever it comes but a peer, who has chosen. */
export const ASKS = ctState(STATE.new, STATE.rel | STATE.rpl | STATE.dnat);

/** Goes on under another source address, to which the answer comes back. */
export function hideBehind(ip: Ip): Action {
  return { type: "ct", commit: true, zone: SOURCE_ZONE, nat: { type: "src", minAddress: ip }, table: TABLES.Output.id };
}

/** An answer to such an address is, in the zone of all connections, nobody's answer and no beginning. Looked for once. */
export function reveal(owner: Owner, ip: Ip): Contribution {
  const spec = alsoMatchRegister(toAddress(ip), "isRevealed", 0);
  return contributeFlow([owner], "services/hairpin", "ConnectionState", PRIORITY.exempt, spec, [
    setRegister("isRevealed", 1),
    { type: "ct", zone: SOURCE_ZONE, nat: true, table: TABLES.Conntrack.id },
  ]);
}

/** Whichever address of the node it is that has the port: the packet is looked up by that alone. */
export function lookUpNodePort(): readonly Action[] {
  return [setRegister("toNodePort", 1), { type: "resubmit", table: TABLES.Service.id }];
}
