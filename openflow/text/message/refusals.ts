import type { Action } from "#openflow/actions.ts";
import { FlowSyntaxError } from "#openflow/errors.ts";
import { FIELDS } from "#openflow/fields.ts";
import type { Flow } from "#openflow/flow.ts";
import type { FieldMatch, Match } from "#openflow/match.ts";
import { OFPP } from "#openflow/ports.ts";
import { packetBehind } from "#openflow/text/check-actions.ts";
import { ETHER_TYPE, kindOf, type PacketKind, PREREQUISITES } from "#openflow/text/prerequisites.ts";
import { refusalOfKept } from "#openflow/wire/actions.ts";
import { refusalOfInstruction } from "#openflow/wire/instructions.ts";
import { type Context, isSince, refuse } from "./words.ts";

/*
 * What is read and kept here, and refused by a switch: Open vSwitch's text of such a message is the error that it would answer.
 */

const LAST_PORT = 0xfeff;
const FIRST_RESERVED = 0xffff_ff00;

/** Open vSwitch has no ports between those of 16 bits and the reserved ones. */
function isPort(port: number): boolean {
  return port <= LAST_PORT || port >= FIRST_RESERVED;
}

export function checkPort(port: number): void {
  if (!isPort(port)) refuse(`there is no port ${port}`, "OFPBAC_BAD_OUT_PORT");
}

/** Every term must be on a field that is known, of a value that it may have, and allowed by the rest of the match. */
export function checkMatch(match: Match, context: Context): void {
  // The fixed match of older versions has no such rules.
  const hasRules = isSince("1.2", context);
  const kind = kindOf(match);
  for (const term of match) {
    if (term.field === "unknown") refuse("a term is on a field that is not known", "OFPBMC_BAD_FIELD");
    if (!hasRules) continue;
    checkValue(term);
    const { prerequisite } = FIELDS[term.field];
    const rule = PREREQUISITES[prerequisite.startsWith("ct") ? "ct" : prerequisite];
    if (!rule.holds(kind)) refuse(`${term.field} is there only where ${rule.needs} is matched`, "OFPBMC_BAD_PREREQ");
  }
}

function checkValue({ field, value, mask }: FieldMatch): void {
  const { maskable, exactBits, isOption } = FIELDS[field];
  if (mask !== undefined && !maskable) refuse(`${field} takes no mask`, "OFPBMC_BAD_MASK");
  const isWrong = field === "in_port" ? !isPort(Number(value)) : !isOption && BigInt(value) >> BigInt(exactBits) !== 0n;
  if (isWrong) refuse(`${field} has no value ${value}`, "OFPBMC_BAD_VALUE");
}

/** Instructions are looked at before the actions within. */
export function checkActions(actions: readonly Action[], context: Context): void {
  for (const action of actions)
    if (action.type === "unknown_instruction") {
      const number = new DataView(action.bytes.buffer, action.bytes.byteOffset).getUint16(0);
      refuse(`instruction ${number} is not known`, refusalOfInstruction(number, context.version));
    }
  for (const action of actions) checkAction(action, context);
}

function checkAction(action: Action, context: Context): void {
  switch (action.type) {
    case "unknown":
      refuse("an action is not known", refusalOfKept(action.bytes, context.version));
      break;
    case "output":
      checkPort(action.port);
      break;
    case "clone":
    case "write_actions":
      checkActions(action.actions, context);
      break;
    case "ct":
      checkActions(action.exec ?? [], context);
  }
}

const OUTPUTS: readonly number[] = [
  ...[OFPP.IN_PORT, OFPP.TABLE, OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.CONTROLLER, OFPP.LOCAL],
];

/** What one flow's match, actions and table cannot be together. */
export function checkFlow(
  { match, actions, table }: Pick<Flow, "match" | "actions" | "table">,
  context: Context,
): void {
  checkOutputs(actions);
  // OpenFlow 1.0 lets a flow change what its packets do not have.
  if (!isSince("1.1", context)) return;
  let kind = kindOf(match);
  if (isInconsistent(match, kind)) refuse("a ct_nw or ct_ipv6 field without ip or ipv6", "OFPBAC_MATCH_INCONSISTENT");
  for (const action of actions) {
    if (action.type === "goto_table" && action.table <= table)
      refuse(`a table above ${table} is expected`, "OFPBIC_BAD_TABLE_ID");
    kind = behindAction(action, kind);
  }
}

function isInconsistent(match: Match, { etherType }: PacketKind): boolean {
  return match.some(
    ({ field }) =>
      (/^ct_nw_(src|dst)$/.test(field) && etherType !== ETHER_TYPE.ip) ||
      (/^ct_ipv6_(src|dst)$/.test(field) && etherType !== ETHER_TYPE.ipv6),
  );
}

function behindAction(action: Action, kind: PacketKind): PacketKind {
  try {
    return packetBehind(action, action.type, kind);
  } catch (error) {
    if (error instanceof FlowSyntaxError) return refuse(error.message, "OFPBAC_MATCH_INCONSISTENT");
    throw error;
  }
}

function checkOutputs(actions: readonly Action[]): void {
  for (const action of actions) {
    if (action.type === "output" && action.port > LAST_PORT && !OUTPUTS.includes(action.port))
      refuse(`nothing is sent to port ${action.port}`, "OFPBAC_BAD_OUT_PORT");
    if (action.type === "clone" || action.type === "write_actions") checkOutputs(action.actions);
  }
}
