import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** How one kind of value stands on the wire. */
export interface Codec<T> {
  encode(writer: Writer, value: T): void;
  decode(reader: Reader): T;
  /** The same with a type before its own fields; what lacks this is copied behind its type. */
  decodeTyped?(reader: Reader, type: string): T & { readonly type: string };
}

/** A value with its type before its own fields. */
export function decodeTyped(codec: Codec<unknown>, type: string, r: Reader): { readonly type: string } {
  if (codec.decodeTyped !== undefined) return codec.decodeTyped(r, type) as { readonly type: string };
  return { type, ...(codec.decode(r) as object) };
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

export const u8: Codec<number> = { encode: (w, v) => w.u8(v), decode: (r) => r.u8() };
export const u16: Codec<number> = { encode: (w, v) => w.u16(v), decode: (r) => r.u16() };
export const u32: Codec<number> = { encode: (w, v) => w.u32(v), decode: (r) => r.u32() };
export const u48: Codec<number> = { encode: (w, v) => w.u48(v), decode: (r) => r.u48() };
export const u64: Codec<bigint> = { encode: (w, v) => w.u64(v), decode: (r) => r.u64() };

/** Bytes without meaning: zeros when written, skipped when read. Its name in a struct begins with "_". */
export function pad(count: number): Codec<undefined> {
  return { encode: (w) => w.zeros(count), decode: (r) => void r.skip(count) };
}

/** Text in a field of fixed size, ended by a zero byte. */
export function fixedText(size: number): Codec<string> {
  return {
    encode(w, text) {
      const bytes = Buffer.from(text, "utf8").subarray(0, size - 1);
      w.raw(bytes);
      w.zeros(size - bytes.length);
    },
    decode(r) {
      const bytes = r.raw(size);
      const end = bytes.indexOf(0);
      return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
    },
  };
}

/** Everything up to the end of what is read. */
export const rest: Codec<Uint8Array> = { encode: (w, v) => w.raw(v), decode: (r) => r.raw(r.left) };

/** Items up to the end of what is read. */
export function listOf<T>(name: string, item: Codec<T>): Codec<readonly T[]> {
  return {
    encode(w, values) {
      for (const value of values) item.encode(w, value);
    },
    decode(r) {
      const values: T[] = [];
      while (r.left > 0) {
        const before = r.offset;
        r.enter(name, values.length);
        values.push(item.decode(r));
        r.leave();
        if (r.offset === before) r.fail("an item takes no room");
      }
      return values;
    },
  };
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
type Named<S extends Fields> = Exclude<keyof S, `_${string}`>;
export type StructOf<S extends Fields> = { readonly [K in Named<S>]: ValueOf<S[K]> };

/** Named fields in wire order. Padding carries names with a leading "_" and is no part of the value. */
export function struct<S extends Fields>(fields: S): Codec<StructOf<S>> {
  const table = Object.entries(fields).map(([name, codec]) => ({ name, codec, isPad: name.startsWith("_") }));
  const decodeInto = (r: Reader, record: Record<string, unknown>): void => {
    for (const { name, codec, isPad } of table) {
      const value = codec.decode(r);
      if (!isPad) record[name] = value;
    }
  };
  return {
    decodeTyped(r, type) {
      const record = { type };
      decodeInto(r, record);
      return record as unknown as StructOf<S> & { readonly type: string };
    },
    encode(w, value) {
      const record: Readonly<Record<string, unknown>> = value;
      for (const { name, codec } of table) codec.encode(w, record[name]);
    },
    decode(r) {
      const record: Record<string, unknown> = {};
      decodeInto(r, record);
      return record as StructOf<S>;
    },
  };
}
