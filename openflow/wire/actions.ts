import type { Action, NatSpec } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import type { ActionBody, ActionType } from "./action-codec.ts";
import { decodeCt, decodeNat, encodeCt, encodeNat, NXAST_CT, NXAST_NAT } from "./ct.ts";
import { NICIRA_ACTIONS } from "./nicira-actions.ts";
import type { Reader } from "./reader.ts";
import { STANDARD_ACTIONS } from "./standard-actions.ts";
import type { Writer } from "./writer.ts";

const OFPAT_EXPERIMENTER = 0xffff;
const NICIRA = 0x0000_2320;

interface Entry {
  readonly number: number;
  readonly nicira?: true;
  encode(w: Writer, action: Action): void;
  decode(r: Reader): Action;
}

const ct = {
  number: NXAST_CT,
  nicira: true,
  encode: (w, action) => encodeCt(w, action, encodeAction, encodeNatAction),
  decode: (r) => decodeCt(r, decodeCtNested),
} satisfies ActionBody<"ct">;

/** The table is the union of its parts; each entry meets only actions of its own type. */
const entries = { ...STANDARD_ACTIONS, ...NICIRA_ACTIONS, ct } as unknown as Readonly<
  Partial<Record<ActionType, Entry>>
>;
const byType = new Map<string, Entry>(Object.entries(entries));
const byNumber = new Map([...byType.values()].map((entry) => [numberKey(entry.number, entry.nicira === true), entry]));

function numberKey(number: number, nicira: boolean): number {
  return nicira ? number + 0x1_0000 : number;
}

export function encodeAction(w: Writer, action: Action): void {
  if (action.type === "unknown") return w.raw(action.bytes);
  const entry = byType.get(action.type);
  if (entry === undefined)
    throw new EncodeError(`${action.type} is an instruction, which cannot stand among these actions`);
  encodeFramed(w, entry, () => entry.encode(w, action));
}

function encodeFramed(w: Writer, head: { readonly number: number; readonly nicira?: true }, body: () => void): void {
  const start = w.offset;
  if (head.nicira === true) {
    w.u32(OFPAT_EXPERIMENTER << 16);
    w.u32(NICIRA);
    w.u16(head.number);
  } else w.u32(head.number << 16);
  body();
  w.pad(start, 8);
  w.patch16(start + 2, w.offset - start);
}

function encodeNatAction(w: Writer, spec: NatSpec | true): void {
  encodeFramed(w, { number: NXAST_NAT, nicira: true }, () => encodeNat(w, spec));
}

export function encodeActions(w: Writer, actions: readonly Action[]): void {
  for (const action of actions) encodeAction(w, action);
}

export function decodeActions(r: Reader): readonly Action[] {
  return decodeList(r, decodeBody);
}

type CtNested = Action | { readonly type: "nat"; readonly spec: NatSpec | true };

function decodeCtNested(r: Reader): readonly CtNested[] {
  return decodeList<CtNested>(r, (inner, number, nicira) =>
    nicira && number === NXAST_NAT ? { type: "nat", spec: decodeNat(inner) } : decodeBody(inner, number, nicira),
  );
}

/** Undefined for a number that is not in the table: the action is then kept as bytes. */
function decodeBody(r: Reader, number: number, nicira: boolean): Action | undefined {
  return byNumber.get(numberKey(number, nicira))?.decode(r);
}

function decodeList<T extends CtNested>(
  r: Reader,
  body: (r: Reader, number: number, nicira: boolean) => T | undefined,
): readonly (T | Extract<Action, { type: "unknown" }>)[] {
  const actions: (T | Extract<Action, { type: "unknown" }>)[] = [];
  while (r.left > 0) {
    const start = r.offset;
    const type = r.u16();
    const length = r.u16();
    if (length < 8 || length % 8 !== 0) r.fail(`action length ${length}; a multiple of 8 is expected`);
    r.within(`actions[${actions.length}]`, () =>
      r.slice(length - 4, () => {
        const nicira = type === OFPAT_EXPERIMENTER && r.u32() === NICIRA;
        const decoded = type === OFPAT_EXPERIMENTER && !nicira ? undefined : body(r, nicira ? r.u16() : type, nicira);
        actions.push(decoded ?? { type: "unknown", bytes: r.bytes.slice(start, start + length) });
      }),
    );
  }
  return actions;
}
