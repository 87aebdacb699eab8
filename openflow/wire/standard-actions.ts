import { action } from "./action-codec.ts";
import { decodeFieldHeader, decodeOxm, encodeFieldHeader, encodeOxm } from "./oxm.ts";

/** OpenFlow 1.5.1 section 7.2.8: one entry an action, by its OFPAT number. */
export const STANDARD_ACTIONS = {
  output: action<"output">({
    number: 0,
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
  group: action<"group">({
    number: 22,
    encode: (w, { groupId }) => w.u32(groupId),
    decode: (r) => ({ type: "group", groupId: r.u32() }),
  }),
  dec_ttl: action<"dec_ttl">({ number: 24, encode: (w) => w.zeros(4), decode: () => ({ type: "dec_ttl" }) }),
  set_field: action<"set_field">({
    number: 25,
    encode: (w, { field, value, mask }) => encodeOxm(w, field, value, mask),
    decode: (r) => ({ type: "set_field", ...decodeOxm(r) }),
  }),
  /** OFPAT_COPY_FIELD: bits, start of source, start of destination, padding, two field headers. */
  move: action<"move">({
    number: 28,
    encode(w, { source, destination }) {
      w.u16(source.bits);
      w.u16(source.start);
      w.u16(destination.start);
      w.u16(0);
      encodeFieldHeader(w, source.field);
      encodeFieldHeader(w, destination.field);
    },
    decode(r) {
      const bits = r.u16();
      const sourceStart = r.u16();
      const destinationStart = r.u16();
      r.skip(2);
      const source = { field: decodeFieldHeader(r).field.name, start: sourceStart, bits };
      return {
        type: "move",
        source,
        destination: { field: decodeFieldHeader(r).field.name, start: destinationStart, bits },
      };
    },
  }),
  meter: action<"meter">({
    number: 29,
    encode: (w, { meterId }) => w.u32(meterId),
    decode: (r) => ({ type: "meter", meterId: r.u32() }),
  }),
} as const;
