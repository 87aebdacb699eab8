import type { ActionOf, ActionType, Subfield } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import { FIELDS } from "#openflow/fields.ts";
import { narrowPort, widenPort } from "#openflow/ports.ts";
import { type Codec, decodeTyped } from "./codec.ts";
import { decodeReference, encodeFieldHeader, encodeNxmHeader, type FieldReference, hasShortHeader } from "./oxm.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/**
 * One form of an action on the wire: what follows its header, up to its padding to 8 bytes. An action may have several forms,
 * of which the first that `fits` is written; all are read.
 */
export interface ActionForm<T extends ActionType = ActionType> {
  readonly type: T;
  /** OFPAT_* number, or a Nicira NXAST_* subtype. */
  readonly number: number;
  readonly isNicira: boolean;
  /** Where only some versions have it so; all read it. */
  readonly written?: "before 1.5" | "since 1.5";
  fits(action: ActionOf<T>): boolean;
  encode(w: Writer, action: ActionOf<T>): void;
  decode(r: Reader): ActionOf<T>;
}

type Body<T extends ActionType> = Pick<ActionForm<T>, "encode" | "decode"> &
  Partial<Pick<ActionForm<T>, "fits" | "written">>;

function always(): boolean {
  return true;
}

export function standard<T extends ActionType>(type: T, number: number, body: Body<T>): ActionForm<T> {
  return { type, number, isNicira: false, fits: always, ...body };
}

export function nicira<T extends ActionType>(type: T, number: number, body: Body<T>): ActionForm<T> {
  return { type, number, isNicira: true, fits: always, ...body };
}

/** An action that is a struct: the table of its fields is all there is to it. */
export function fields<T extends ActionType>(type: T, codec: Codec<Omit<ActionOf<T>, "type">>): Body<T> {
  return {
    encode: (w, action) => codec.encode(w, action),
    // The struct holds exactly what the action does besides its type: the parameter of `codec` says so.
    decode: (r) => decodeTyped(codec, type, r) as unknown as ActionOf<T>,
  };
}

/** For a form that is only read: what it says is written in another one. */
export const readOnly = { fits: () => false, encode: () => undefined };

/** Start and size of a run of bits as Nicira actions hold them in 16 bits. */
export function encodeBits(w: Writer, { field, start, bits }: Subfield): void {
  if (bits > 64 || start > 0x3ff) throw new EncodeError(`${field}[${start}..${start + bits - 1}] is more than 64 bits`);
  w.u16((start << 6) | (bits - 1));
}

/** Bits (16), then a header of 32 bits. */
export const packedSubfield: Codec<Subfield> = {
  encode(w, subfield) {
    encodeBits(w, subfield);
    encodeShortHeader(w, subfield);
  },
  decode(r) {
    const packed = r.u16();
    return { ...decodeReference(r), ...decodeBits(packed) };
  },
};

export function decodeBits(packed: number): { readonly start: number; readonly bits: number } {
  return { start: packed >> 6, bits: (packed & 63) + 1 };
}

/** A header for which there are 32 bits only: Nicira's where it has them, else OpenFlow's. */
export function encodeShortHeader(w: Writer, reference: FieldReference): void {
  const { field } = reference;
  if (hasShortHeader(field)) encodeNxmHeader(w, reference);
  else if (FIELDS[field].actionHeader.experimenter === undefined) encodeFieldHeader(w, reference);
  else throw new EncodeError(`${field} cannot stand here: its header has 64 bits`);
}

/** A port in 16 bits, as Nicira's actions hold it. */
export const port16: Codec<number> = {
  encode(w, port) {
    const narrow = narrowPort(port);
    if (narrow === undefined) throw new EncodeError(`port ${port} does not fit into 16 bits`);
    w.u16(narrow);
  },
  decode: (r) => widenPort(r.u16()),
};

/** A word that stands for a number of 16 bits. */
export function words<W extends string>(numbers: Readonly<Record<W, number>>): Codec<W> {
  const byNumber = new Map<number, W>(Object.entries<number>(numbers).map(([word, number]) => [number, word as W]));
  return {
    encode: (w, word) => w.u16(numbers[word]),
    decode(r) {
      const number = r.u16();
      return byNumber.get(number) ?? r.fail(`${number} is none of ${[...byNumber].map(String).join(", ")}`);
    },
  };
}

/** A number that the wire holds as one less. */
export function oneLess(codec: Codec<number>): Codec<number> {
  return { encode: (w, value) => codec.encode(w, value - 1), decode: (r) => codec.decode(r) + 1 };
}
