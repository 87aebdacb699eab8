import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { CT_MARK, LOOKED_AT } from "../../layout/conntrack.ts";
import { DENIAL_BYTES, METERS, REFUSALS } from "../../layout/meters.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { TOLD } from "../../layout/told.ts";
import type { View } from "../../model/model.ts";
import { FAMILIES, limitPackets, matchMark, NOTE_DENIED, TELL_DENIAL, WEIR } from "../connections.ts";
import { matchRegister } from "../vocabulary.ts";
import { policyFlow } from "./conjunctions.ts";

/**
 * The node process is told of what is to be refused beside the denial, and answers it. Of a connection that was cut every packet is
 * refused, for an answer may be lost; but of it, as of all that is cut, the denial is told once.
 */
export function deriveRefusing(view: View): readonly Contribution[] {
  if (!view.rules.anyRefuses()) return [];
  const refuse: Action = {
    ...{ type: "controller", maxLength: DENIAL_BYTES, meterId: METERS.refusals.id },
    userdata: Uint8Array.of(TOLD.refusal),
  };
  const looked = LOOKED_AT.denied | LOOKED_AT.refused;
  const refused = (mark: MatchSpec, actions: readonly Action[]): readonly Contribution[] =>
    FAMILIES.map((eth_type) => {
      const spec = { eth_type, ...matchRegister("isRefused", 1), ...mark };
      return policyFlow("policies/reject", "Deny", PRIORITY.refused, spec, actions, [WEIR]);
    });
  return [
    ...refused(matchMark(CT_MARK.denied, looked), [refuse]),
    ...refused(matchMark(CT_MARK.known, CT_MARK.denied | looked), [TELL_DENIAL, refuse, NOTE_DENIED]),
    ...refused(matchMark(0, CT_MARK.known | CT_MARK.denied | looked), [TELL_DENIAL, refuse]),
    limitPackets(METERS.refusals.id, REFUSALS, "policies/reject"),
  ];
}
