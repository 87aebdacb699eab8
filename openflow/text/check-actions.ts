import type { Action, ActionType, Subfield } from "#openflow/actions.ts";
import { FIELDS, type FieldName } from "#openflow/fields.ts";
import { OFPP } from "#openflow/ports.ts";
import type { ActionContext } from "./action-context.ts";
import { checkLearn } from "./check-learn.ts";
import { isIp, isMpls, type PacketKind, PREREQUISITES, PROTOCOL } from "./prerequisites.ts";
import { fail } from "./syntax.ts";

/** Fails for an action that the switch would refuse where it stands; notes what the packet is behind it. */
export function checkAction(action: Action, word: string, context: ActionContext): void {
  checkPlace(action, word, context);
  checkPort(action, word);
  if (action.type === "goto_table" && context.table !== undefined && action.table <= context.table)
    fail(word, `a table above ${context.table} is expected, which is the flow's own`);
  if (action.type === "meter" && (action.meterId === 0 || action.meterId > MAX_METER))
    fail(word, `a meter from 1 to ${MAX_METER} is expected`);
  const { kind } = context;
  if (kind === undefined) return;
  if (context.outer !== "write_actions" || !LENIENT_IN_ACTION_SET.includes(action.type))
    checkPacket(action, word, kind);
  context.kind = kindBehind(action, word, kind);
}

/** What the packet is behind the action; fails where it is none that the action can work on. */
export function packetBehind(action: Action, word: string, kind: PacketKind): PacketKind {
  checkPacket(action, word, kind);
  return kindBehind(action, word, kind);
}

const MAX_METER = 0xffff_0000;

/** An action set is carried out in an order of its own, so that nobody asks of these what the packet is. */
const LENIENT_IN_ACTION_SET: readonly ActionType[] = [
  ...(["pop_vlan", "dec_ttl", "mod_nw_ttl", "dec_mpls_ttl", "set_mpls_ttl", "pop_mpls", "dec_nsh_ttl"] as const),
];

const CT_FIELDS: readonly FieldName[] = ["ct_mark", "ct_label"];

/** In an action set only these may stand (OpenFlow 1.5.1 section 5.6); a setter of any kind is one of them. */
const IN_ACTION_SET: readonly ActionType[] = [
  ...(["pop_vlan", "pop_mpls", "decap", "encap", "push_mpls", "push_vlan"] as const),
  ...(["dec_ttl", "dec_mpls_ttl", "dec_nsh_ttl", "ct", "ct_clear", "resubmit", "output", "group"] as const),
  ...(["set_field", "move", "mod_nw_ttl", "set_mpls_ttl", "set_queue"] as const),
];

function checkPlace(action: Action, word: string, { outer }: ActionContext): void {
  const written =
    action.type === "set_field" ? action.field : action.type === "move" ? action.destination.field : undefined;
  const writesConnection = written !== undefined && CT_FIELDS.includes(written);
  if (writesConnection && outer !== "ct") fail(word, `${written} can be set within ct(exec(...)) only`);
  if (outer === "ct" && !writesConnection) fail(word, "within ct only ct_mark and ct_label can be set");
  if (outer !== undefined && action.type === "meter") fail(word, `cannot stand within ${outer}`);
  if (outer !== undefined && instructionRank(action) > APPLY_RANK) fail(word, `cannot stand within ${outer}`);
  if (outer === "write_actions" && !IN_ACTION_SET.includes(action.type))
    fail(word, "cannot stand within write_actions");
}

const LAST_PORT = 0xfeff;
const RESERVED_OUTPUTS: readonly number[] = [
  OFPP.IN_PORT,
  OFPP.TABLE,
  OFPP.NORMAL,
  OFPP.FLOOD,
  OFPP.ALL,
  OFPP.CONTROLLER,
  OFPP.LOCAL,
];

function checkPort(action: Action, word: string): void {
  if (action.type === "output" && action.port > LAST_PORT && !RESERVED_OUTPUTS.includes(action.port))
    fail(word, "nothing can be sent to that port");
  if (action.type === "bundle" || action.type === "bundle_load")
    for (const member of action.members)
      if (
        member === OFPP.CONTROLLER ||
        (member > LAST_PORT && member !== OFPP.ANY && !RESERVED_OUTPUTS.includes(member))
      )
        fail(word, `port ${member} cannot be chosen from`);
}

function needField(word: string, field: FieldName, kind: PacketKind): void {
  const { needs, holds } = PREREQUISITES[FIELDS[field].prerequisite];
  if (!holds(kind)) fail(word, `${field} is there only in a flow that matches ${needs}`);
}

function need(word: string, holds: boolean, needs: string): void {
  if (!holds) fail(word, `can be done only in a flow that matches ${needs}`);
}

function needWritable(word: string, { field }: Subfield): void {
  if (!FIELDS[field].writable) fail(word, `${field} cannot be written`);
}

function checkPacket(action: Action, word: string, kind: PacketKind): void {
  switch (action.type) {
    case "set_field":
      needField(word, action.field, kind);
      if (action.field === "vlan_vid") checkVlanId(action, word, kind);
      return;
    case "move":
      needField(word, action.source.field, kind);
      needField(word, action.destination.field, kind);
      needWritable(word, action.destination);
      return;
    case "output_reg":
      needField(word, action.source.field, kind);
      return;
    case "push":
    case "pop":
      needField(word, action.field.field, kind);
      if (action.type === "pop") needWritable(word, action.field);
      return;
    case "multipath":
    case "bundle_load":
    case "check_pkt_larger":
      needField(word, action.destination.field, kind);
      needWritable(word, action.destination);
      return;
    case "dec_ttl":
    case "mod_nw_ttl":
      need(word, isIp(kind), "ip or ipv6");
      return;
    case "dec_mpls_ttl":
    case "set_mpls_ttl":
    case "pop_mpls":
      need(word, isMpls(kind), "mpls or mplsm");
      return;
    case "pop_vlan":
      need(word, kind.vlanTags > 0, "dl_vlan or vlan_vid");
      return;
    case "dec_nsh_ttl":
      need(word, PREREQUISITES.nsh.holds(kind), PREREQUISITES.nsh.needs);
      return;
    case "fin_timeout":
      need(word, kind.protocol === PROTOCOL.tcp, "tcp");
      return;
    case "resubmit":
      if (action.ct) need(word, PREREQUISITES.ct.holds(kind), PREREQUISITES.ct.needs);
      return;
    case "learn":
      checkLearn(action, word, kind);
      return;
    case "ct":
      checkConnection(action, word, kind);
  }
}

const PRESENT = 0x1000;

/** OpenFlow 1.5.1 section 7.2.8.6: the bit which says that there is a tag must be set. */
function checkVlanId(action: Extract<Action, { type: "set_field" }>, word: string, kind: PacketKind): void {
  need(word, kind.vlanTags > 0, "dl_vlan or vlan_vid, or behind push_vlan");
  if ((Number(action.value) & PRESENT) === 0) fail(word, "0x1000 must be set beside the VLAN id");
}

const INVALID = 0x10;

function checkConnection(ct: Extract<Action, { type: "ct" }>, word: string, kind: PacketKind): void {
  need(word, isIp(kind), "ip or ipv6");
  if (ct.commit && (kind.ctState & INVALID) !== 0) fail(word, "a flow that matches +inv has nothing to commit");
  if (ct.alg === "ftp") need(word, kind.protocol === PROTOCOL.tcp, "tcp");
  if (ct.alg === "tftp") need(word, kind.protocol === PROTOCOL.udp, "udp");
  if (typeof ct.zone === "object") needField(word, ct.zone.field, kind);
  if ((ct.exec !== undefined || typeof ct.nat === "object") && !ct.commit)
    fail(word, "exec, and nat with an argument, need commit");
  if (typeof ct.nat !== "object" || ct.nat.minAddress === undefined) return;
  const family = typeof ct.nat.minAddress === "number" ? "ipv4" : "ipv6";
  need(word, PREREQUISITES[family].holds(kind), PREREQUISITES[family].needs);
}

const NEXT_PROTOCOL_UNKNOWN = 0xffff;
const PACKET_TYPES = { ethernet: 0, nsh: 0x1_894f, mpls: 0x1_8847, mpls_mc: 0x1_8848 } as const;

/** The packet behind the action. */
function kindBehind(action: Action, word: string, kind: PacketKind): PacketKind {
  switch (action.type) {
    case "push_vlan":
      if (kind.vlanTags >= 2) fail(word, "two VLAN tags are the most");
      return { ...kind, vlanTags: kind.vlanTags + 1 };
    case "pop_vlan":
      return { ...kind, vlanTags: Math.max(0, kind.vlanTags - 1) };
    case "push_mpls":
      need(word, kind.packetType === 0, "Ethernet packets");
      return { ...kind, etherType: action.etherType, protocol: 0 };
    case "pop_mpls":
      need(word, kind.packetType === 0, "Ethernet packets");
      return { ...kind, etherType: action.etherType };
    case "encap": {
      const packetType = PACKET_TYPES[action.header];
      const etherType = packetType === 0 ? kind.etherType : packetType & 0xffff;
      return { ...kind, packetType, etherType, protocol: isIp({ ...kind, etherType }) ? kind.protocol : 0 };
    }
    case "decap":
      if (kind.packetType === 0) return { ...kind, packetType: 0x1_0000 + kind.etherType };
      return { ...kind, packetType: NEXT_PROTOCOL_UNKNOWN, etherType: 0xffff };
    case "set_field":
      if (action.field === "vlan_tci") return { ...kind, vlanTags: (Number(action.value) & PRESENT) === 0 ? 0 : 1 };
      return kind;
    default:
      return kind;
  }
}

/** The order of instructions, plain actions among them; the names are those of ovs-actions(7). */
const INSTRUCTION_ORDER: readonly ActionType[] = ["clear_actions", "write_actions", "write_metadata", "goto_table"];
const APPLY_RANK = 1;

function instructionRank(action: Action): number {
  if (action.type === "meter") return 0;
  const index = INSTRUCTION_ORDER.indexOf(action.type);
  return index < 0 ? APPLY_RANK : APPLY_RANK + 1 + index;
}

/** Fails for actions that are fine one by one and not beside each other. */
export function checkOrder(actions: readonly Action[], text: string, { outer }: ActionContext): void {
  if (actions.some(({ type }) => type === "conjunction")) {
    const other = actions.find(({ type }) => type !== "conjunction" && type !== "note");
    if (other !== undefined) fail(text, `conjunction may stand beside note only, not beside ${other.type}`);
    return;
  }
  for (let i = 1; i < actions.length && outer === undefined; i++) {
    const [before, action] = [actions[i - 1]!, actions[i]!];
    const [last, rank] = [instructionRank(before), instructionRank(action)];
    if (rank === last && rank !== APPLY_RANK) fail(text, `${action.type} stands twice`);
    if (rank < last) fail(text, `${action.type} must stand before ${before.type}`);
  }
}
