import type { ActionOf, HashFields } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import { nicira, packedSubfield, port16, words } from "./action-codec.ts";
import { u16 } from "./codec.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

export const HASH_FIELDS = words<HashFields>({
  eth_src: 0,
  symmetric_l4: 1,
  symmetric_l3l4: 2,
  "symmetric_l3l4+udp": 3,
  nw_src: 4,
  nw_dst: 5,
  symmetric_l3: 6,
});
const ALGORITHM = words({ active_backup: 0, hrw: 1 });

/*
 * NXAST_BUNDLE and NXAST_BUNDLE_LOAD behind the Nicira header:
 *
 *     algorithm (16) | what is hashed (16) | basis (16) | kind of members (32), always the header of in_port | their count (16)
 *     | bits of the destination (16) | its header (32), both 0 in NXAST_BUNDLE | zeros (32) | members (16 each)
 */
const { oxmClass, number } = FIELDS.in_port.nxmHeader;
const OFPORT = ((oxmClass << 16) | (number << 9) | 2) >>> 0;

type Bundle = ActionOf<"bundle">;

function encodeHead(w: Writer, { algorithm, fields, basis, members }: Omit<Bundle, "type">): void {
  ALGORITHM.encode(w, algorithm);
  HASH_FIELDS.encode(w, fields);
  u16.encode(w, basis);
  w.u32(OFPORT);
  w.u16(members.length);
}

function encodeMembers(w: Writer, { members }: Pick<Bundle, "members">): void {
  w.zeros(4);
  for (const member of members) port16.encode(w, member);
}

function decodeHead(r: Reader) {
  const algorithm = ALGORITHM.decode(r);
  const fields = HASH_FIELDS.decode(r);
  const basis = r.u16();
  const kind = r.u32();
  if (kind !== OFPORT) r.fail(`members of kind 0x${kind.toString(16)}; ports are expected`);
  return { algorithm, fields, basis, count: r.u16() };
}

function decodeMembers(r: Reader, count: number): readonly number[] {
  r.skip(4);
  r.need(count * 2);
  return Array.from({ length: count }, () => port16.decode(r));
}

export const bundleForms = [
  nicira("bundle", 12, {
    encode(w, bundle) {
      encodeHead(w, bundle);
      w.zeros(6);
      encodeMembers(w, bundle);
    },
    decode(r) {
      const { count, ...head } = decodeHead(r);
      r.skip(6);
      return { type: "bundle", ...head, members: decodeMembers(r, count) };
    },
  }),
  nicira("bundle_load", 13, {
    encode(w, bundle) {
      encodeHead(w, bundle);
      packedSubfield.encode(w, bundle.destination);
      encodeMembers(w, bundle);
    },
    decode(r) {
      const { count, ...head } = decodeHead(r);
      const destination = packedSubfield.decode(r);
      return { type: "bundle_load", ...head, destination, members: decodeMembers(r, count) };
    },
  }),
];
