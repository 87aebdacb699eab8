import { action, decodeBits, encodeBits } from "./action-codec.ts";
import { decodeFieldHeader, encodeFieldHeader } from "./oxm.ts";

const NO_TABLE = 0xff;
const SAME_PORT = 0xfff8;
const ALL = 0xffff;

/** Open vSwitch's own actions, by their NXAST subtype (ovs-actions(7)). The irregular ones have files of their own. */
export const NICIRA_ACTIONS = {
  /** NXAST_REG_LOAD: bits, field header, value in the low bits of 64. */
  load: action<"load">({
    number: 7,
    nicira: true,
    encode(w, { value, destination }) {
      w.u16(encodeBits(destination.start, destination.bits));
      encodeFieldHeader(w, destination.field);
      w.u64(BigInt(value));
    },
    decode(r) {
      const bits = decodeBits(r.u16());
      const { field } = decodeFieldHeader(r);
      return { type: "load", destination: { field: field.name, ...bits }, value: Number(r.u64()) };
    },
  }),
  note: action<"note">({
    number: 8,
    nicira: true,
    encode: (w, { bytes }) => w.raw(bytes),
    decode: (r) => ({ type: "note", bytes: r.raw(r.left) }),
  }),
  /** NXAST_OUTPUT_REG: bits, field header, longest packet for the controller, zeros. */
  output_reg: action<"output_reg">({
    number: 15,
    nicira: true,
    encode(w, { source, maxLength }) {
      w.u16(encodeBits(source.start, source.bits));
      encodeFieldHeader(w, source.field);
      w.u16(maxLength ?? ALL);
      w.zeros(6);
    },
    decode(r) {
      const bits = decodeBits(r.u16());
      const source = { field: decodeFieldHeader(r).field.name, ...bits };
      const maxLength = r.u16();
      r.skip(6);
      return maxLength === ALL ? { type: "output_reg", source } : { type: "output_reg", source, maxLength };
    },
  }),
  /** NXAST_RESUBMIT_TABLE: 16-bit port (OFPP_IN_PORT for the packet's own), table (255 for the current one). */
  resubmit: action<"resubmit">({
    number: 14,
    nicira: true,
    encode(w, { port, table }) {
      w.u16(port ?? SAME_PORT);
      w.u8(table ?? NO_TABLE);
      w.zeros(3);
    },
    decode(r) {
      const port = r.u16();
      const table = r.u8();
      r.skip(3);
      return {
        type: "resubmit",
        ...(port === SAME_PORT ? {} : { port }),
        ...(table === NO_TABLE ? {} : { table }),
      };
    },
  }),
  conjunction: action<"conjunction">({
    number: 34,
    nicira: true,
    encode(w, { clause, clauses, id }) {
      w.u8(clause - 1);
      w.u8(clauses);
      w.u32(id);
    },
    decode(r) {
      const clause = r.u8() + 1;
      const clauses = r.u8();
      return { type: "conjunction", id: r.u32(), clause, clauses };
    },
  }),
  /** NXAST_CONTROLLER: longest packet, controller id, reason. */
  controller: action<"controller">({
    number: 20,
    nicira: true,
    encode(w, { maxLength, id, reason }) {
      w.u16(maxLength ?? ALL);
      w.u16(id ?? 0);
      w.u8(reason ?? 1);
      w.u8(0);
    },
    decode(r) {
      const maxLength = r.u16();
      const id = r.u16();
      const reason = r.u8();
      r.skip(1);
      return {
        type: "controller",
        ...(maxLength === ALL ? {} : { maxLength }),
        ...(id === 0 ? {} : { id }),
        ...(reason === 1 ? {} : { reason }),
      };
    },
  }),
  ct_clear: action<"ct_clear">({
    number: 43,
    nicira: true,
    encode: (w) => w.zeros(6),
    decode: () => ({ type: "ct_clear" }),
  }),
} as const;
