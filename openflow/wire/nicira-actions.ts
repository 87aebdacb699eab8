import type { ActionOf } from "#openflow/actions.ts";
import { OFPP } from "#openflow/ports.ts";
import {
  type ActionForm,
  decodeBits,
  encodeBits,
  fields,
  nicira,
  oneLess,
  packedSubfield,
  port16,
  readOnly,
  words,
} from "./action-codec.ts";
import { bundleForms, HASH_FIELDS } from "./bundle.ts";
import { pad, rest, struct, u8, u16, u32 } from "./codec.ts";
import { controllerForms } from "./controller.ts";
import { encapForms } from "./encap.ts";
import { learnForms } from "./learn.ts";
import { OLDER_ACTIONS } from "./older-actions.ts";
import { decodeReference, encodeNxmHeader, hasShortHeader } from "./oxm.ts";
import { sampleForms } from "./sample.ts";

const NO_TABLE = 0xff;
const ALL = 0xffff;

const nothing = struct({ _pad: pad(6) });

/** NXAST_STACK_PUSH and NXAST_STACK_POP: start (16), field header (32 or 64), bits (16), zeros up to 24 bytes in all. */
function stack<T extends "push" | "pop">(type: T) {
  return {
    encode(w, { field }) {
      w.u16(field.start);
      const header = w.offset;
      encodeNxmHeader(w, field);
      w.u16(field.bits);
      w.zeros(header + 12 - w.offset);
    },
    decode(r) {
      const start = r.u16();
      const reference = decodeReference(r);
      return { type, field: { ...reference, start, bits: r.u16() } };
    },
  } as const satisfies Partial<ActionForm<"push" | "pop">>;
}

/** OFPP_IN_PORT is the packet's own port, table 255 the current one. */
function resubmit(port: number, table: number, ct: boolean): ActionOf<"resubmit"> {
  return {
    type: "resubmit",
    ...(port === OFPP.IN_PORT ? {} : { port }),
    ...(table === NO_TABLE ? {} : { table }),
    ...(ct ? { ct } : {}),
  };
}

/** Open vSwitch's own actions, by their NXAST subtype (ovs-actions(7)). The irregular ones have files of their own. */
export const NICIRA_ACTIONS = [
  ...OLDER_ACTIONS,
  nicira("pop_queue", 5, fields("pop_queue", nothing)),
  nicira("note", 8, fields("note", struct({ bytes: rest }))),
  nicira(
    "multipath",
    10,
    fields(
      "multipath",
      struct({
        fields: HASH_FIELDS,
        basis: u16,
        _pad: pad(2),
        algorithm: words({ modulo_n: 0, hash_threshold: 1, hrw: 2, iter_hash: 3 }),
        links: oneLess(u16),
        argument: u32,
        _pad2: pad(2),
        destination: packedSubfield,
      }),
    ),
  ),
  /** NXAST_RESUBMIT_TABLE: port (16), table (8), zeros (24). */
  ...([14, 44] as const).map((number) =>
    nicira("resubmit", number, {
      fits: ({ ct }) => (ct === true) === (number === 44),
      encode(w, { port, table }) {
        port16.encode(w, port ?? OFPP.IN_PORT);
        w.u8(table ?? NO_TABLE);
        w.zeros(3);
      },
      decode(r) {
        const port = port16.decode(r);
        const table = r.u8();
        r.skip(3);
        return resubmit(port, table, number === 44);
      },
    }),
  ),
  /** NXAST_RESUBMIT: port (16). */
  nicira("resubmit", 1, { ...readOnly, decode: (r) => resubmit(port16.decode(r), NO_TABLE, false) }),
  /** NXAST_OUTPUT_REG: bits (16), field header (32), longest packet for the controller (16), zeros (48). */
  nicira("output_reg", 15, {
    fits: ({ source }) => hasShortHeader(source.field),
    encode(w, { source, maxLength }) {
      packedSubfield.encode(w, source);
      w.u16(maxLength ?? ALL);
      w.zeros(6);
    },
    decode(r) {
      const source = packedSubfield.decode(r);
      const maxLength = r.u16();
      r.skip(6);
      return maxLength === ALL ? { type: "output_reg", source } : { type: "output_reg", source, maxLength };
    },
  }),
  /** NXAST_OUTPUT_REG2: bits (16), longest packet (16), field header (64), zeros (16). */
  nicira("output_reg", 32, {
    encode(w, { source, maxLength }) {
      encodeBits(w, source);
      w.u16(maxLength ?? ALL);
      encodeNxmHeader(w, source);
      w.zeros(2);
    },
    decode(r) {
      const bits = decodeBits(r.u16());
      const maxLength = r.u16();
      const source = { ...decodeReference(r), ...bits };
      r.skip(r.left);
      return maxLength === ALL ? { type: "output_reg", source } : { type: "output_reg", source, maxLength };
    },
  }),
  nicira("exit", 17, fields("exit", nothing)),
  nicira("fin_timeout", 19, fields("fin_timeout", struct({ idleTimeout: u16, hardTimeout: u16, _pad: pad(2) }))),
  /** NXAST_DEC_TTL_CNT_IDS: count (16), zeros (32), ids (16 each). */
  nicira("dec_ttl", 21, {
    encode(w, { controllers = [0] }) {
      w.u16(controllers.length);
      w.zeros(4);
      for (const id of controllers) w.u16(id);
    },
    decode(r) {
      const count = r.u16();
      r.skip(4);
      r.need(count * 2);
      return { type: "dec_ttl", controllers: Array.from({ length: count }, () => r.u16()) };
    },
  }),
  nicira("push", 27, stack("push")),
  nicira("pop", 28, stack("pop")),
  nicira("conjunction", 34, fields("conjunction", struct({ clause: oneLess(u8), clauses: u8, id: u32 }))),
  nicira("output_trunc", 39, fields("output_trunc", struct({ port: port16, maxLength: u32 }))),
  nicira("ct_clear", 43, fields("ct_clear", nothing)),
  nicira("dec_nsh_ttl", 48, fields("dec_nsh_ttl", nothing)),
  /** NXAST_CHECK_PKT_LARGER: length (16), bit of the destination (16), its header (32 or 64), zeros up to 24 bytes in all. */
  nicira("check_pkt_larger", 49, {
    encode(w, { length, destination }) {
      w.u16(length);
      w.u16(destination.start);
      const header = w.offset;
      encodeNxmHeader(w, destination);
      w.zeros(header + 10 - w.offset);
    },
    decode(r) {
      const length = r.u16();
      const start = r.u16();
      return { type: "check_pkt_larger", length, destination: { ...decodeReference(r), start, bits: 1 } };
    },
  }),
  /** NXAST_DELETE_FIELD: field header (32 or 64), zeros up to 24 bytes in all. */
  nicira("delete_field", 50, {
    encode(w, action) {
      const header = w.offset;
      encodeNxmHeader(w, action);
      w.zeros(header + 14 - w.offset);
    },
    decode(r) {
      const reference = decodeReference(r);
      r.skip(r.left);
      return { type: "delete_field", ...reference };
    },
  }),
  ...bundleForms,
  ...controllerForms,
  ...encapForms,
  ...learnForms,
  ...sampleForms,
];
