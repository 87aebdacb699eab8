import type { Action, Instruction } from "#openflow/actions.ts";
import { DecodeError } from "#openflow/errors.ts";
import { decodeActions, encodeAction, encodeActions, isInstruction } from "./actions.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/*
 * A flow's actions are one list here, as in ovs-ofctl's text. On the wire (OpenFlow 1.5.1 section 7.2.6) they are
 * instructions, in this order: apply-actions with all plain actions, clear-actions, write-actions, write-metadata, goto-table.
 */
const GOTO_TABLE = 1;
const WRITE_METADATA = 2;
const WRITE_ACTIONS = 3;
const APPLY_ACTIONS = 4;
const CLEAR_ACTIONS = 5;
/** In OpenFlow 1.3 and 1.4, and carried out before all others; what 1.5 has for it is an action. */
const METER = 6;
const OPENFLOW15 = 6;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

export function encodeInstructions(w: Writer, all: readonly Action[]): void {
  const [first] = all;
  const hasMeter = w.version < OPENFLOW15 && first?.type === "meter";
  if (hasMeter) {
    w.u32((METER << 16) | 8);
    w.u32(first.meterId);
  }
  const actions = hasMeter ? all.slice(1) : all;
  let open = -1;
  let instructions = 0;
  for (const action of actions) {
    if (isInstruction(action)) {
      instructions++;
      continue;
    }
    if (open < 0) open = begin(w, APPLY_ACTIONS);
    encodeAction(w, action);
  }
  if (open >= 0) w.patch16(open + 2, w.offset - open);
  if (instructions > 0) for (const action of actions) if (isInstruction(action)) encodeInstruction(w, action);
}

/** An instruction that holds actions: type, length to be patched, four zeros. */
function begin(w: Writer, type: number): number {
  const start = w.offset;
  w.u32(type << 16);
  w.u32(0);
  return start;
}

function encodeInstruction(w: Writer, instruction: Instruction): void {
  switch (instruction.type) {
    case "goto_table":
      w.u32((GOTO_TABLE << 16) | 8);
      w.u8(instruction.table);
      w.zeros(3);
      return;
    case "write_metadata":
      w.u32((WRITE_METADATA << 16) | 24);
      w.u32(0);
      w.u64(instruction.value);
      w.u64(instruction.mask ?? ALL_ONES);
      return;
    case "clear_actions":
      w.u32((CLEAR_ACTIONS << 16) | 8);
      w.u32(0);
      return;
    case "write_actions": {
      const start = begin(w, WRITE_ACTIONS);
      encodeActions(w, instruction.actions);
      w.patch16(start + 2, w.offset - start);
      return;
    }
    case "unknown_instruction":
      w.raw(instruction.bytes);
  }
}

export function decodeInstructions(r: Reader): readonly Action[] {
  const { offset, end, depth, doubt } = r;
  try {
    return readInstructions(r);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // A switch looks at all instructions before it looks into any: what it says of them comes first.
    r.offset = offset;
    r.end = end;
    r.unwind(depth);
    r.doubt = doubt;
    checkInstructions(r);
    throw error;
  }
}

/** What instructions hold: of one that holds actions at least this much, of any other exactly this much. */
const SIZES: ReadonlyMap<number, number> = new Map([
  [GOTO_TABLE, 8],
  [WRITE_METADATA, 24],
  [WRITE_ACTIONS, 8],
  [APPLY_ACTIONS, 8],
  [CLEAR_ACTIONS, 8],
]);
const EXPERIMENTER = 0xffff;

function isExtensible(type: number): boolean {
  return type === APPLY_ACTIONS || type === WRITE_ACTIONS;
}

function hasSize(type: number, length: number): boolean {
  return isExtensible(type) ? length >= 8 : SIZES.get(type) === length;
}

/** The error that a switch answers an instruction with which it does not know, or which is of no length that it has. */
export function refusalOfInstruction(type: number, version: number): string {
  if (type === EXPERIMENTER) return "OFPBIC_BAD_EXPERIMENTER";
  return SIZES.has(type) || (type === METER && version < OPENFLOW15) ? "OFPBIC_BAD_LEN" : "OFPBIC_UNKNOWN_INST";
}

function checkInstructions(r: Reader): void {
  const seen = new Set<number>();
  while (r.left >= 8) {
    const type = r.view.getUint16(r.offset);
    const length = r.view.getUint16(r.offset + 2);
    if (length < 8 || length % 8 !== 0 || length > r.left) break;
    const isMeter = type === METER && r.version < OPENFLOW15 && length === 8;
    if (!isMeter && !hasSize(type, length))
      r.fail(`instruction ${type} with ${length} bytes`, refusalOfInstruction(type, r.version));
    if (seen.has(type)) r.fail(`instruction ${type} comes twice`, "OFPBIC_DUP_INST");
    seen.add(type);
    r.skip(length);
  }
  if (r.left > 0) r.fail(`${r.left} bytes are no instruction`, "OFPBIC_BAD_LEN");
}

function readInstructions(r: Reader): readonly Action[] {
  let actions: readonly Action[] = [];
  let seen = 0;
  while (r.offset < r.end) {
    const start = r.offset;
    const type = r.u16();
    const length = r.u16();
    if (length < 8 || length % 8 !== 0)
      r.fail(`instruction length ${length}; a multiple of 8 is expected`, "OFPBIC_BAD_LEN");
    const outer = r.narrow(length - 4);
    if (type <= CLEAR_ACTIONS && (seen & (1 << type)) !== 0)
      r.fail(`instruction ${type} comes twice`, "OFPBIC_DUP_INST");
    seen |= type <= CLEAR_ACTIONS ? 1 << type : 0;
    const decoded = decodeInstruction(r, type, length, start);
    r.widen(outer);
    actions = actions.length === 0 ? decoded : [...actions, ...decoded];
  }
  return inOrder(actions);
}

/** They may stand on the wire as they like; what they do, they do in this order. */
const ORDER: readonly Action["type"][] = ["clear_actions", "write_actions", "write_metadata", "goto_table"];

function rank(action: Action): number {
  if (!isInstruction(action)) return 0;
  const index = ORDER.indexOf(action.type);
  return index < 0 ? ORDER.length + 1 : index + 1;
}

function inOrder(actions: readonly Action[]): readonly Action[] {
  for (let i = 1; i < actions.length; i++)
    if (rank(actions[i - 1]!) > rank(actions[i]!)) return [...actions].sort((a, b) => rank(a) - rank(b));
  return actions;
}

function decodeInstruction(r: Reader, type: number, length: number, start: number): readonly Action[] {
  if (!hasSize(type, length)) return [{ type: "unknown_instruction", bytes: r.bytes.slice(start, r.end) }];
  if (type === GOTO_TABLE) return [{ type: "goto_table", table: r.u8() }];
  if (type === CLEAR_ACTIONS) return [{ type: "clear_actions" }];
  if (type === APPLY_ACTIONS || type === WRITE_ACTIONS) {
    r.skip(4);
    r.enter(type === APPLY_ACTIONS ? "apply_actions" : "write_actions");
    const actions = decodeActions(r);
    r.leave();
    return type === APPLY_ACTIONS ? actions : [{ type: "write_actions", actions }];
  }
  r.skip(4);
  const value = r.u64();
  const mask = r.u64();
  return [mask === ALL_ONES ? { type: "write_metadata", value } : { type: "write_metadata", value, mask }];
}
