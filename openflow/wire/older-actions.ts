import { sized } from "#openflow/match.ts";
import { nicira, packedSubfield, readOnly } from "./action-codec.ts";
import { pad, struct, u8, u16, u32, u64 } from "./codec.ts";
import { decodeOxm, decodeReference, encodeNxmHeader, encodeOxm } from "./oxm.ts";

const argument8 = struct({ value: u8, _pad: pad(5) });
const argument16 = struct({ value: u16, _pad: pad(4) });
const argument32 = struct({ _pad: pad(2), value: u32 });
const argument64 = struct({ _pad: pad(6), value: u64 });

/**
 * Actions of Open vSwitch for what OpenFlow itself had no action for yet, by their NXAST subtype. A switch that speaks OpenFlow
 * 1.5 sends none of them; in older versions they are still to be read. Those that nothing else says are written too.
 */
export const OLDER_ACTIONS = [
  nicira("set_tunnel", 2, {
    encode: (w, { value }) => argument32.encode(w, { value: Number(value) }),
    decode: (r) => ({ type: "set_tunnel", value: BigInt(argument32.decode(r).value) }),
  }),
  nicira("set_queue", 4, { ...readOnly, decode: (r) => ({ type: "set_queue", queueId: argument32.decode(r).value }) }),
  /** NXAST_REG_MOVE: bits (16), start of source (16), start of destination (16), two field headers. */
  nicira("move", 6, {
    written: "before 1.5",
    encode(w, { source, destination }) {
      w.u16(source.bits);
      w.u16(source.start);
      w.u16(destination.start);
      encodeNxmHeader(w, source);
      encodeNxmHeader(w, destination);
    },
    decode(r) {
      const bits = r.u16();
      const sourceStart = r.u16();
      const start = r.u16();
      const source = { ...decodeReference(r), start: sourceStart, bits };
      return { type: "move", source, destination: { ...decodeReference(r), start, bits } };
    },
  }),
  /** NXAST_REG_LOAD: bits (16), field header (32), value (64). */
  nicira("load", 7, {
    encode(w, { value, destination }) {
      packedSubfield.encode(w, destination);
      w.u64(BigInt(value));
    },
    decode(r) {
      const destination = packedSubfield.decode(r);
      return { type: "load", value: sized(r.u64(), destination.bits), destination };
    },
  }),
  nicira("set_tunnel64", 9, {
    encode: (w, { value }) => argument64.encode(w, { value }),
    decode: (r) => ({ type: "set_tunnel64", value: argument64.decode(r).value }),
  }),
  nicira("dec_ttl", 18, {
    ...readOnly,
    decode(r) {
      r.skip(6);
      return { type: "dec_ttl" };
    },
  }),
  nicira("write_metadata", 22, {
    ...readOnly,
    decode(r) {
      r.skip(6);
      const value = r.u64();
      const mask = r.u64();
      const isWhole = mask === 0xffff_ffff_ffff_ffffn;
      return isWhole ? { type: "write_metadata", value } : { type: "write_metadata", value, mask };
    },
  }),
  nicira("push_mpls", 23, {
    ...readOnly,
    decode: (r) => ({ type: "push_mpls", etherType: argument16.decode(r).value }),
  }),
  nicira("pop_mpls", 24, { ...readOnly, decode: (r) => ({ type: "pop_mpls", etherType: argument16.decode(r).value }) }),
  nicira("set_mpls_ttl", 25, {
    ...readOnly,
    decode: (r) => ({ type: "set_mpls_ttl", ttl: argument8.decode(r).value }),
  }),
  nicira("dec_mpls_ttl", 26, {
    ...readOnly,
    decode(r) {
      r.skip(6);
      return { type: "dec_mpls_ttl" };
    },
  }),
  nicira("set_mpls_label", 30, {
    ...readOnly,
    decode: (r) => ({ type: "set_mpls_label", value: argument32.decode(r).value }),
  }),
  nicira("set_mpls_tc", 31, {
    ...readOnly,
    decode: (r) => ({ type: "set_mpls_tc", value: argument8.decode(r).value }),
  }),
  /** NXAST_REG_LOAD2: a field with its value; OFPAT_SET_FIELD has no mask before OpenFlow 1.5. */
  nicira("set_field", 33, {
    written: "before 1.5",
    encode: encodeOxm,
    decode: (r) => ({ type: "set_field", ...decodeOxm(r) }),
  }),
  nicira("group", 40, { ...readOnly, decode: (r) => ({ type: "group", groupId: argument32.decode(r).value }) }),
];
