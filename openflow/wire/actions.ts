import type { Action, ActionOf, Instruction, NatSpec } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import { FIELDS } from "#openflow/fields.ts";
import { type ActionForm, nicira, readOnly } from "./action-codec.ts";
import { decodeCt, decodeNat, encodeCt, encodeNat, NXAST_CT, NXAST_NAT } from "./ct.ts";
import { splitIntoLoads } from "./loads.ts";
import { NICIRA_ACTIONS } from "./nicira-actions.ts";
import { hasShortHeader, UnknownField } from "./oxm.ts";
import { Reader } from "./reader.ts";
import { STANDARD_ACTIONS } from "./standard-actions.ts";
import { findOlderForm, isOfVersion } from "./version-actions.ts";
import type { Writer } from "./writer.ts";

/*
 * An action: type (16) | length (16) | body, zeros to a multiple of 8. Open vSwitch's own have type 0xffff and begin their body
 * with Nicira's number (32) and a subtype (16).
 */
const OFPAT_EXPERIMENTER = 0xffff;
const NICIRA = 0x0000_2320;

const NXAST_CLONE = 42;
const NXAST_REG_LOAD2 = 33;

const nested = [
  nicira("ct", NXAST_CT, {
    encode: (w, action) => encodeCt(w, action, encodeActions, encodeNatAction),
    decode: (r) => decodeCt(r, decodeCtNested),
  }),
  /** NXAST_CLONE: zeros (48), actions. */
  nicira("clone", NXAST_CLONE, {
    encode(w, { actions }) {
      w.zeros(6);
      encodeActions(w, actions);
    },
    decode(r) {
      r.skip(6);
      return { type: "clone", actions: decodeActions(r) };
    },
  }),
];

/** Any form: each is met by actions of its own type only, for it is looked up by that. */
type AnyForm = Omit<ActionForm, "fits" | "encode" | "decode"> & {
  fits(action: Action): boolean;
  encode(w: Writer, action: Action): void;
  decode(r: Reader): Action;
};
const forms = [...STANDARD_ACTIONS, ...NICIRA_ACTIONS, ...nested] as unknown as readonly AnyForm[];

/** What an action of a type is written as: its only form, or the first that fits. */
type WrittenForms = ReadonlyMap<string, AnyForm | readonly AnyForm[]>;
const written = writtenForms("before 1.5");
const writtenBefore = writtenForms("since 1.5");

function writtenForms(except: NonNullable<AnyForm["written"]>): WrittenForms {
  const some = forms.filter((form) => form.fits !== readOnly.fits && form.written !== except);
  return new Map(
    some.map((form) => {
      const all = some.filter(({ type }) => type === form.type);
      return [form.type, all.length === 1 ? form : all];
    }),
  );
}

/** What is read: a version takes no number of another one's. */
const readable = [0, 1, 2, 3, 4, 5, 6].map((version) => {
  const own = forms.filter((form) => isOfVersion(form, version));
  const byNumber = (isNicira: boolean) =>
    new Map(own.filter((form) => form.isNicira === isNicira).map((form) => [form.number, form]));
  return { standard: byNumber(false), nicira: byNumber(true) };
});
const loadBits = forms.find(({ isNicira, number }) => isNicira && number === NXAST_REG_LOAD2)!;

export function isInstruction(action: Action): action is Instruction {
  switch (action.type) {
    case "goto_table":
    case "clear_actions":
    case "write_actions":
    case "write_metadata":
    case "unknown_instruction":
      return true;
    default:
      return false;
  }
}

export function encodeActions(w: Writer, actions: readonly Action[]): void {
  for (const action of actions) encodeAction(w, action);
}

export function encodeAction(w: Writer, action: Action): void {
  if (action.type === "unknown") {
    w.raw(action.bytes);
    return;
  }
  if (w.version < NEWEST && action.type === "set_field" && action.mask !== undefined) {
    encodeMasked(w, action);
    return;
  }
  const known = (w.version < NEWEST ? writtenBefore : written).get(action.type);
  const form = known === undefined || "type" in known ? known : known.find(({ fits }) => fits(action));
  if (form === undefined) throw new EncodeError(describeMisplaced(action));
  writeForm(w, form, action);
}

/** Before OpenFlow 1.5 some bits of a field are set by NXAST_REG_LOAD, a row of them each; NXAST_REG_LOAD2 is for the rest. */
function encodeMasked(w: Writer, action: ActionOf<"set_field">): void {
  if (FIELDS[action.field].isOption || !hasShortHeader(action.field)) {
    writeForm(w, loadBits, action);
    return;
  }
  for (const load of splitIntoLoads(action)) encodeAction(w, load);
}

function writeForm(w: Writer, form: AnyForm, action: Action): void {
  const start = beginAction(w, form.isNicira, form.number);
  try {
    form.encode(w, action);
  } catch (error) {
    if (error instanceof EncodeError) throw new EncodeError(`${action.type}: ${error.message}`, error.details);
    throw error;
  }
  endAction(w, start);
}

function describeMisplaced(action: Action): string {
  if (isInstruction(action)) return `${action.type} is an instruction, which cannot stand among actions`;
  if (action.type === "meter") return "meter is an instruction before OpenFlow 1.5, and stands before all actions";
  return `there is no action ${action.type}`;
}

function beginAction(w: Writer, isNicira: boolean, number: number): number {
  const start = w.offset;
  if (isNicira) {
    w.reserve(10);
    w.view.setUint32(start, 0xffff_0000);
    w.view.setUint32(start + 4, NICIRA);
    w.view.setUint16(start + 8, number);
    w.offset = start + 10;
  } else w.u32(number * 0x1_0000);
  return start;
}

function endAction(w: Writer, start: number): void {
  w.pad(start, 8);
  w.patch16(start + 2, w.offset - start);
}

function encodeNatAction(w: Writer, spec: NatSpec | true): void {
  const start = beginAction(w, true, NXAST_NAT);
  encodeNat(w, spec);
  endAction(w, start);
}

export function decodeActions(r: Reader): readonly Action[] {
  const actions: Action[] = [];
  while (r.offset < r.end) {
    r.enter("actions", actions.length);
    actions.push(decodeAction(r));
    r.leave();
  }
  return actions;
}

/** What ct(...) holds: nat stands before the others, and only once. */
function decodeCtNested(r: Reader): { readonly nat?: NatSpec | true; readonly exec: readonly Action[] } {
  const isNat =
    r.left >= 10 &&
    r.view.getUint16(r.offset) === OFPAT_EXPERIMENTER &&
    r.view.getUint32(r.offset + 4) === NICIRA &&
    r.view.getUint16(r.offset + 8) === NXAST_NAT;
  if (!isNat) return { exec: decodeActions(r) };
  r.enter("nat");
  const length = r.view.getUint16(r.offset + 2);
  const outer = narrowToAction(r, length);
  r.skip(10);
  const nat = decodeNat(r);
  r.widen(outer);
  r.leave();
  return { nat, exec: decodeActions(r) };
}

function narrowToAction(r: Reader, length: number): number {
  if (length < 8 || length % 8 !== 0 || length > r.left)
    r.fail(
      length > r.left
        ? `${length} bytes are expected, ${r.left} are left`
        : `action length ${length}; a multiple of 8 is expected`,
      refusalOfHead(r.bytes.subarray(r.offset, r.end), r.version),
    );
  return r.narrow(length);
}

const ONF = 0x4f4e_4600;

/** The error that a switch answers an action of this head with, which it does not know or whose length is none. */
function refusalOfHead(bytes: Uint8Array, version: number): string {
  const r = new Reader(bytes);
  r.version = version;
  if (r.left < 8 || readForm(r) !== undefined) return "OFPBAC_BAD_LEN";
  if (r.view.getUint16(0) !== OFPAT_EXPERIMENTER) return "OFPBAC_BAD_TYPE";
  const owner = r.view.getUint32(4);
  if (owner !== NICIRA && owner !== ONF) return "OFPBAC_BAD_VENDOR";
  return bytes.length < 16 ? "OFPBAC_BAD_LEN" : "OFPBAC_BAD_VENDOR_TYPE";
}

/** The error that a switch answers an action with that was kept as it came. */
export function refusalOfKept(bytes: Uint8Array, version: number): string {
  const r = new Reader(bytes);
  r.version = version;
  const form = readForm(r);
  if (form === undefined) return refusalOfHead(bytes, version);
  try {
    form.decode(r);
    return "OFPBAC_BAD_LEN";
  } catch (error) {
    if (error instanceof UnknownField) return "OFPBAC_BAD_SET_TYPE";
    throw error;
  }
}

function decodeAction(r: Reader): Action {
  const start = r.offset;
  r.need(4);
  const outer = narrowToAction(r, r.view.getUint16(start + 2));
  const form = readForm(r);
  const action = (form === undefined ? undefined : tryDecode(r, form)) ?? keep(r, start);
  r.widen(outer);
  return action;
}

/** Reads the head of an action; undefined for one that is not in the table. */
function readForm(r: Reader): Pick<AnyForm, "type" | "decode"> | undefined {
  const type = r.u16();
  r.skip(2);
  const isOlder = r.version < NEWEST;
  if (type !== OFPAT_EXPERIMENTER)
    return (isOlder ? findOlderForm(r.version, 0, type) : undefined) ?? readable[r.version]!.standard.get(type);
  if (r.left < 6) return undefined;
  const owner = r.u32();
  const subtype = r.u16();
  const older = isOlder ? findOlderForm(r.version, owner, subtype) : undefined;
  return older ?? (owner === NICIRA ? readable[r.version]!.nicira.get(subtype) : undefined);
}

/** OpenFlow 1.5. */
const NEWEST = 6;

/** Undefined for an action that names a field which is not in the table, or that goes on behind what is known of it. */
function tryDecode(r: Reader, form: Pick<AnyForm, "type" | "decode">): Action | undefined {
  const { depth, end } = r;
  r.enter(form.type);
  try {
    const action = form.decode(r);
    r.leave();
    return r.left < 8 ? action : undefined;
  } catch (error) {
    if (!(error instanceof UnknownField)) throw error;
    r.unwind(depth);
    r.end = end;
    return undefined;
  }
}

function keep(r: Reader, start: number): Action {
  const bytes = r.bytes.slice(start, r.end);
  r.doubt ??= refusalOfKept(bytes, r.version);
  return { type: "unknown", bytes };
}
