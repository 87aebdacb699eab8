import type { Action } from "#openflow/actions.ts";
import { decodeActions, encodeAction, encodeActions } from "./actions.ts";
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
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

export function encodeInstructions(w: Writer, actions: readonly Action[]): void {
  let open = -1;
  for (const action of actions) {
    if (isInstruction(action)) continue;
    if (open < 0) open = begin(w, APPLY_ACTIONS);
    encodeAction(w, action);
  }
  if (open >= 0) w.patch16(open + 2, w.offset - open);
  for (const action of actions) if (isInstruction(action)) encodeInstruction(w, action);
}

type Instruction = Extract<Action, { type: "goto_table" | "clear_actions" | "write_actions" | "write_metadata" }>;

function isInstruction(action: Action): action is Instruction {
  const { type } = action;
  return type === "goto_table" || type === "write_metadata" || type === "write_actions" || type === "clear_actions";
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
      w.u32((instruction.table << 24) >>> 0);
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
    }
  }
}

export function decodeInstructions(r: Reader): readonly Action[] {
  const actions: Action[] = [];
  while (r.left > 0) {
    const type = r.u16();
    const length = r.u16();
    if (length < 8) r.fail(`instruction length ${length}; at least 8 is expected`);
    r.within(`instructions[${actions.length}]`, () =>
      r.slice(length - 4, () => actions.push(...decodeInstruction(r, type))),
    );
  }
  return actions;
}

function decodeInstruction(r: Reader, type: number): readonly Action[] {
  if (type === GOTO_TABLE) return [{ type: "goto_table", table: r.u8() }];
  r.skip(4);
  if (type === APPLY_ACTIONS) return decodeActions(r);
  if (type === WRITE_ACTIONS) return [{ type: "write_actions", actions: decodeActions(r) }];
  if (type === CLEAR_ACTIONS) return [{ type: "clear_actions" }];
  if (type !== WRITE_METADATA) return r.fail(`instruction type ${type} is not known`);
  const value = r.u64();
  const mask = r.u64();
  return [mask === ALL_ONES ? { type: "write_metadata", value } : { type: "write_metadata", value, mask }];
}
