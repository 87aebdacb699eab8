import type { Codec, ValueOf } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Writer } from "#openflow/wire/writer.ts";

/** A record that holds its own length: 16 bits at byte `at`, a placeholder among the fields of `inner`. */
export function measured<T>(at: number, inner: Codec<T>): Codec<T> {
  return {
    encode(w, value) {
      const start = w.offset;
      inner.encode(w, value);
      w.patch16(start + at, w.offset - start);
    },
    decode(r) {
      const length = peekLength(r, at);
      return r.slice(length, () => inner.decode(r));
    },
  };
}

function peekLength(r: Reader, at: number): number {
  r.need(at + 2);
  const length = r.view.getUint16(r.offset + at);
  if (length < at + 2) r.fail(`length ${length}; at least ${at + 2} is expected`);
  if (length > r.left) r.fail(`length ${length}; ${r.left} bytes are left`);
  return length;
}

/** A number and the name that it has here; what has no name is refused with `refusal`, as a switch does. */
export function named<N extends string>(
  size: Codec<number>,
  numbers: Readonly<Record<N, number>>,
  what: string,
  refusal: string,
): Codec<N> {
  const names = new Map<number, N>((Object.keys(numbers) as N[]).map((name) => [numbers[name], name]));
  return {
    encode: (w, name) => size.encode(w, numbers[name]),
    decode(r) {
      const value = size.decode(r);
      return names.get(value) ?? r.fail(`${what} ${value} is not known`, refusal);
    },
  };
}

/** A property that nobody here knows, behind its type and length. */
export interface UnknownProperty {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** A property: type (16) | length without padding (16) | body | zeros to a multiple of 8. */
export interface Property<T> {
  readonly number: number;
  /** Of a property of type 0xffff: whose it is, and which of theirs. Both stand behind the length. */
  readonly owner?: { readonly experimenter: number; readonly number: number };
  readonly body: Codec<T>;
}

export function property<T>(number: number, body: Codec<T>): Property<T> {
  return { number, body };
}

export function experimenterProperty<T>(experimenter: number, number: number, body: Codec<T>): Property<T> {
  return { number: EXPERIMENTER, owner: { experimenter, number }, body };
}

type Table = Readonly<Record<string, Property<unknown>>>;
export type PropertiesOf<P extends Table> = { readonly [K in keyof P]?: ValueOf<P[K]["body"]> } & {
  readonly others?: readonly UnknownProperty[];
};

const EXPERIMENTER = 0xffff;
const FIRST_HEADER = 4;

/** Properties up to the end of what is read, one of a kind, in a canonical order when written: that of the table. */
export function properties<P extends Table>(table: P): Codec<PropertiesOf<P>> {
  const items = propertyList(table);
  return {
    encode(w, values) {
      const record: Readonly<Record<string, unknown>> = values;
      for (const [name, row] of Object.entries(table))
        if (record[name] !== undefined) encodeProperty(w, row, record[name]);
      for (const other of values.others ?? []) encodeUnknown(w, other);
    },
    decode(r) {
      const record: Record<string, unknown> = {};
      const others: UnknownProperty[] = [];
      for (const item of items.decode(r))
        if (item.name === "unknown") others.push(item.value as UnknownProperty);
        else record[item.name as string] = item.value;
      // The names are those of the table, each with what its own codec has read.
      return (others.length === 0 ? record : { ...record, others }) as PropertiesOf<P>;
    },
  };
}

export type PropertyItem<P extends Table> =
  | { readonly [K in keyof P]: { readonly name: K; readonly value: ValueOf<P[K]["body"]> } }[keyof P]
  | { readonly name: "unknown"; readonly value: UnknownProperty };

/** The same where order and repetition mean something. */
export function propertyList<P extends Table>(table: P): Codec<readonly PropertyItem<P>[]> {
  const byKey = new Map<string, Named>(
    Object.entries(table).map(([name, { number, owner, body }]) => [keyOf(number, owner), { name, body }]),
  );
  return {
    encode(w, items) {
      for (const { name, value } of items) {
        const row = table[name];
        if (row !== undefined) encodeProperty(w, row, value);
        else encodeUnknown(w, value as UnknownProperty);
      }
    },
    decode(r) {
      const items: { readonly name: string; readonly value: unknown }[] = [];
      while (r.left > 0) items.push(r.within(`properties[${items.length}]`, () => decodeProperty(r, byKey)));
      return items as readonly PropertyItem<P>[];
    },
  };
}

interface Named {
  readonly name: string;
  readonly body: Codec<unknown>;
}

function keyOf(number: number, owner: Property<unknown>["owner"]): string {
  return owner === undefined ? `${number}` : `${number}/${owner.experimenter}/${owner.number}`;
}

function encodeProperty(w: Writer, { number, owner, body }: Property<unknown>, value: unknown): void {
  encodeFramed(w, number, () => {
    if (owner !== undefined) {
      w.u32(owner.experimenter);
      w.u32(owner.number);
    }
    body.encode(w, value);
  });
}

function encodeUnknown(w: Writer, { number, bytes }: UnknownProperty): void {
  encodeFramed(w, number, () => w.raw(bytes));
}

function encodeFramed(w: Writer, number: number, body: () => void): void {
  const start = w.offset;
  w.u16(number);
  w.u16(0);
  body();
  w.patch16(start + 2, w.offset - start);
  w.pad(start, 8);
}

function decodeProperty(r: Reader, byKey: ReadonlyMap<string, Named>): { name: string; value: unknown } {
  const number = r.u16();
  const length = r.u16();
  const padded = (length + 7) & ~7;
  if (length < FIRST_HEADER || padded > r.left + FIRST_HEADER)
    r.fail(`property length ${length}; ${r.left + FIRST_HEADER} bytes are left`, "OFPBPC_BAD_LEN");
  const item = r.slice(length - FIRST_HEADER, () => decodeBody(r, number, byKey));
  r.skip(padded - length);
  return item;
}

function decodeBody(r: Reader, number: number, byKey: ReadonlyMap<string, Named>): { name: string; value: unknown } {
  const start = r.offset;
  const known =
    byKey.get(keyOf(number, undefined)) ??
    (number === EXPERIMENTER ? byKey.get(keyOf(number, { experimenter: r.u32(), number: r.u32() })) : undefined);
  if (known === undefined) {
    r.offset = start;
    return { name: "unknown", value: { number, bytes: r.raw(r.left) } };
  }
  r.enter(known.name);
  const value = known.body.decode(r);
  if (r.left > 0) r.fail(`${r.left} bytes more than it has`, "OFPBPC_BAD_LEN");
  r.leave();
  return { name: known.name, value };
}

/** 16 bits that stand in 32, as Open vSwitch writes them in a property; what is behind them is not looked at. */
export const halfWord: Codec<number> = {
  encode(w, value) {
    w.u16(value);
    w.u16(0);
  },
  decode(r) {
    const value = r.u16();
    r.skip(r.left);
    return value;
  },
};

/** 8 bits; what is behind them is not looked at. */
export const byte: Codec<number> = {
  encode: (w, value) => w.u8(value),
  decode(r) {
    const value = r.u8();
    r.skip(r.left);
    return value;
  },
};

/** A body that stands behind zeros. */
export function behind<T>(count: number, body: Codec<T>): Codec<T> {
  return {
    encode(w, value) {
      w.zeros(count);
      body.encode(w, value);
    },
    decode(r) {
      r.skip(count);
      return body.decode(r);
    },
  };
}
