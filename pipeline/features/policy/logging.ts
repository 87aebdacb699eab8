import type { Action } from "#openflow/actions.ts";
import type { Contribution } from "../../feature.ts";
import { CT_MARK, LOOKED_AT } from "../../layout/conntrack.ts";
import { CONNECTION_SAMPLES, DENIAL_BYTES, METERS } from "../../layout/meters.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { TABLES } from "../../layout/tables.ts";
import { TOLD } from "../../layout/told.ts";
import type { View } from "../../model/model.ts";
import { FAMILIES, limitPackets, matchMark, WEIR } from "../connections.ts";
import { matchRegister, setRegister } from "../vocabulary.ts";
import { policyFlow } from "./conjunctions.ts";

/**
 * The node process is told of a new connection where all is decided about it: with what has let it through in Commit, in Deny with
 * what has not. Then the table is asked again, as though nothing had been.
 */
export function deriveLogging(view: View): readonly Contribution[] {
  if (!view.rules.anyLogged()) return [];
  const tell: Action = {
    ...{ type: "controller", maxLength: DENIAL_BYTES, meterId: METERS.connections.id },
    userdata: Uint8Array.of(TOLD.connection),
  };
  const isNew = matchMark(0, CT_MARK.known | CT_MARK.denied | LOOKED_AT.told);
  const flows = (["Commit", "Deny"] as const).flatMap((table) =>
    FAMILIES.map((eth_type) => {
      const spec = { eth_type, ...matchRegister("isLogged", 1), ...isNew };
      const again: Action = { type: "resubmit", table: TABLES[table].id };
      return policyFlow("policies/log", table, PRIORITY.told, spec, [tell, setRegister("isLogged", 0), again], [WEIR]);
    }),
  );
  return [...flows, limitPackets(METERS.connections.id, CONNECTION_SAMPLES, "policies/log")];
}
