import type { Subfield } from "#openflow/actions.ts";
import { FIELDS, type Field, findFieldByName } from "#openflow/fields.ts";
import { findFieldByNxmName, nxmNameOf } from "#openflow/nxm-names.ts";
import { type NameOptions, optionLengthOf } from "./names.ts";
import { fail } from "./syntax.ts";

/** A run of bits by the name of the field's header: NXM_NX_REG0[0..15], [] for all of it. */
export function formatSubfield({ field, start, bits }: Subfield, names: NameOptions = {}): string {
  const name = nxmNameOf(field);
  const length = optionLengthOf(field, names);
  if (start === 0 && bits === (length === undefined ? FIELDS[field].significantBits : length * 8)) return `${name}[]`;
  return bits === 1 ? `${name}[${start}]` : `${name}[${start}..${start + bits - 1}]`;
}

/** A field by its name or that of a header. Undefined for anything else. */
export function findField(name: string): Field | undefined {
  return findFieldByNxmName(name.replace(/_W$/, "")) ?? findFieldByName(name);
}

const SUBFIELD = /^([^[\]]+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/;

/** Undefined where the text does not begin with the name of a field. */
export function readSubfield(word: string, text: string, names: NameOptions): Subfield | undefined {
  const [, name = "", first, last] = SUBFIELD.exec(text) ?? [];
  const field = findField(name);
  if (field === undefined) return undefined;
  const length = optionLengthOf(field.name, names);
  const width = length === undefined ? field.significantBits : length * 8;
  const start = Number(first ?? 0);
  const end = Number(last ?? first ?? width - 1);
  if (start > end) fail(word, `in ${text} the first bit is behind the last`);
  if (end >= width) fail(word, `${field.name} has the bits 0 to ${width - 1} only`);
  return { field: field.name, start, bits: end - start + 1, ...(length === undefined ? {} : { length }) };
}

export function parseSubfield(word: string, text: string, names: NameOptions): Subfield {
  return (
    readSubfield(word, text, names) ?? fail(word, `${text} is no field or run of bits, such as NXM_NX_REG0[0..15]`)
  );
}
