import type { Subfield } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import { nxmNameOf } from "#openflow/nxm-names.ts";

/** A run of bits by the name of the field's header: NXM_NX_REG0[0..15], [] for all of it. */
export function formatSubfield({ field, start, bits }: Subfield): string {
  const name = nxmNameOf(field);
  if (start === 0 && bits === FIELDS[field].significantBits) return `${name}[]`;
  return bits === 1 ? `${name}[${start}]` : `${name}[${start}..${start + bits - 1}]`;
}
