import { fields, standard } from "./action-codec.ts";
import { pad, struct, u8, u16, u32, u48 } from "./codec.ts";
import { decodeOxm, decodeReference, encodeFieldHeader, encodeOxm } from "./oxm.ts";

const nothing = struct({ _pad: pad(4) });
const etherType = struct({ etherType: u16, _pad: pad(2) });
const ttl = struct({ ttl: u8, _pad: pad(3) });

/** OFPAT_SET_* of older versions: a value of so many bytes. */
const value8 = struct({ value: u8, _pad: pad(3) });
const value16 = struct({ value: u16, _pad: pad(2) });
const value32 = struct({ value: u32 });
const value48 = struct({ value: u48, _pad: pad(6) });

/** OpenFlow 1.5.1 section 7.2.8, by OFPAT number; below 16 those that newer versions do without and switches still take. */
export const STANDARD_ACTIONS = [
  standard("output", 0, {
    encode(w, { port, maxLength }) {
      w.u32(port);
      w.u16(maxLength ?? 0);
      w.zeros(6);
    },
    decode(r) {
      const port = r.u32();
      const maxLength = r.u16();
      r.skip(6);
      return maxLength === 0 ? { type: "output", port } : { type: "output", port, maxLength };
    },
  }),
  standard("set_vlan_vid", 1, fields("set_vlan_vid", value16)),
  standard("set_vlan_pcp", 2, fields("set_vlan_pcp", value8)),
  standard("mod_dl_src", 3, fields("mod_dl_src", value48)),
  standard("mod_dl_dst", 4, fields("mod_dl_dst", value48)),
  standard("mod_nw_src", 5, fields("mod_nw_src", value32)),
  standard("mod_nw_dst", 6, fields("mod_nw_dst", value32)),
  standard("mod_nw_tos", 7, fields("mod_nw_tos", value8)),
  standard("mod_nw_ecn", 8, fields("mod_nw_ecn", value8)),
  standard("mod_tp_src", 9, fields("mod_tp_src", value16)),
  standard("mod_tp_dst", 10, fields("mod_tp_dst", value16)),
  standard("set_mpls_label", 13, fields("set_mpls_label", value32)),
  standard("set_mpls_tc", 14, fields("set_mpls_tc", value8)),
  standard("set_mpls_ttl", 15, fields("set_mpls_ttl", ttl)),
  standard("dec_mpls_ttl", 16, fields("dec_mpls_ttl", nothing)),
  standard("push_vlan", 17, fields("push_vlan", etherType)),
  standard("pop_vlan", 18, fields("pop_vlan", nothing)),
  standard("push_mpls", 19, fields("push_mpls", etherType)),
  standard("pop_mpls", 20, fields("pop_mpls", etherType)),
  standard("set_queue", 21, fields("set_queue", struct({ queueId: u32 }))),
  standard("group", 22, fields("group", struct({ groupId: u32 }))),
  standard("mod_nw_ttl", 23, fields("mod_nw_ttl", ttl)),
  standard("dec_ttl", 24, {
    fits: ({ controllers }) => controllers === undefined,
    encode: (w) => w.zeros(4),
    decode: (r) => {
      r.skip(4);
      return { type: "dec_ttl" };
    },
  }),
  standard("set_field", 25, {
    encode: encodeOxm,
    decode(r) {
      const { field, value, mask, length } = decodeOxm(r);
      if (length !== undefined)
        return { type: "set_field", field, value, ...(mask === undefined ? {} : { mask }), length };
      return mask === undefined ? { type: "set_field", field, value } : { type: "set_field", field, value, mask };
    },
  }),
  /** OFPAT_COPY_FIELD: bits, start of source, start of destination, padding, two field headers. */
  standard("move", 28, {
    written: "since 1.5",
    encode(w, { source, destination }) {
      w.u16(source.bits);
      w.u16(source.start);
      w.u16(destination.start);
      w.u16(0);
      encodeFieldHeader(w, source);
      encodeFieldHeader(w, destination);
    },
    decode(r) {
      const bits = r.u16();
      const sourceStart = r.u16();
      const start = r.u16();
      r.skip(2);
      const source = { ...decodeReference(r), start: sourceStart, bits };
      return { type: "move", source, destination: { ...decodeReference(r), start, bits } };
    },
  }),
  standard("meter", 29, { written: "since 1.5", ...fields("meter", struct({ meterId: u32 })) }),
];
