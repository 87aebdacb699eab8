import type { ActionOf, LearnSpec, Subfield } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import { type FieldValue, sized } from "#openflow/match.ts";
import { encodeShortHeader, nicira } from "./action-codec.ts";
import { decodeReference, encodeNxmHeader } from "./oxm.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/*
 * NXAST_LEARN behind the Nicira header:
 *
 *     idle time-out (16) | hard time-out (16) | priority (16) | cookie (64) | flags (16) | table (8) | zero (8)
 *     | idle time-out after FIN (16) | hard time-out after FIN (16) | specs | zeros to a multiple of 8
 *
 * NXAST_LEARN2 has before the specs: limit (32) | bit of the result's field (16) | zeros (16)
 *     | header of the result's field (32 or 64), with WRITE_RESULT only
 *
 * A spec:
 *
 *      15    13 12  11 10            0
 *     +--------+---+------+------------+
 *     |   0    |src|  dst |    bits    |  src 0: a field, 1: a value; dst 0: match, 1: load, 2: output
 *     +--------+---+------+------------+
 *     source: header (32), start (16); or the value in as many whole 16 bits as it needs
 *     destination, for match and load: header (32), start (16)
 */
const SEND_FLOW_REM = 1;
const DELETE_LEARNED = 2;
const WRITE_RESULT = 4;

const IMMEDIATE = 1 << 13;
const DESTINATIONS = ["match", "load", "output"] as const;
const MAX_BITS = 0x7ff;

type Learn = ActionOf<"learn">;

function encodeHead(w: Writer, learn: Learn): void {
  w.u16(learn.idleTimeout ?? 0);
  w.u16(learn.hardTimeout ?? 0);
  w.u16(learn.priority);
  w.u64(learn.cookie ?? 0n);
  w.u16(
    (learn.sendFlowRemoved ? SEND_FLOW_REM : 0) |
      (learn.deleteLearned ? DELETE_LEARNED : 0) |
      (learn.resultDestination === undefined ? 0 : WRITE_RESULT),
  );
  w.u8(learn.table);
  w.u8(0);
  w.u16(learn.finIdleTimeout ?? 0);
  w.u16(learn.finHardTimeout ?? 0);
}

function encodePlace(w: Writer, place: Subfield): void {
  encodeShortHeader(w, place);
  w.u16(place.start);
}

function encodeSpec(w: Writer, spec: LearnSpec): void {
  const { source } = spec;
  const bits = spec.type === "output" ? spec.source.bits : spec.destination.bits;
  if (bits > MAX_BITS) throw new EncodeError(`${bits} bits in a spec; ${MAX_BITS} are the most`);
  const isField = typeof source === "object";
  if (isField && source.bits !== bits) throw new EncodeError(`${source.bits} bits cannot go into ${bits}`);
  w.u16((isField ? 0 : IMMEDIATE) | (DESTINATIONS.indexOf(spec.type) << 11) | bits);
  if (isField) encodePlace(w, source);
  else {
    if (BigInt(source) >> BigInt(bits) !== 0n) throw new EncodeError(`${source} has more than ${bits} bits`);
    w.wide(BigInt(source), Math.ceil(bits / 16) * 2);
  }
  if (spec.type !== "output") encodePlace(w, spec.destination);
}

function decodeHead(r: Reader) {
  const idleTimeout = r.u16();
  const hardTimeout = r.u16();
  const priority = r.u16();
  const cookie = r.u64();
  const flags = r.u16();
  const table = r.u8();
  r.skip(1);
  const finIdleTimeout = r.u16();
  const finHardTimeout = r.u16();
  if (flags > (SEND_FLOW_REM | DELETE_LEARNED | WRITE_RESULT)) r.fail(`learn flags 0x${flags.toString(16)}`);
  return {
    flags,
    learn: {
      table,
      priority,
      ...(idleTimeout === 0 ? {} : { idleTimeout }),
      ...(hardTimeout === 0 ? {} : { hardTimeout }),
      ...(finIdleTimeout === 0 ? {} : { finIdleTimeout }),
      ...(finHardTimeout === 0 ? {} : { finHardTimeout }),
      ...(cookie === 0n ? {} : { cookie }),
      ...(flags & SEND_FLOW_REM ? { sendFlowRemoved: true } : {}),
      ...(flags & DELETE_LEARNED ? { deleteLearned: true } : {}),
    },
  };
}

/** Up to the end, or to zeros. */
function decodeSpecs(r: Reader): readonly LearnSpec[] {
  const specs: LearnSpec[] = [];
  while (r.left >= 2) {
    const header = r.u16();
    if (header === 0) break;
    r.enter("specs", specs.length);
    specs.push(decodeSpec(r, header));
    r.leave();
  }
  r.skip(r.left);
  return specs;
}

function decodeSpec(r: Reader, header: number): LearnSpec {
  const type = DESTINATIONS[(header >> 11) & 3];
  const isField = (header & IMMEDIATE) === 0;
  const bits = header & MAX_BITS;
  if (header >= IMMEDIATE << 1 || type === undefined || (type === "output" && !isField))
    return r.fail(`learn spec 0x${header.toString(16)} is not known`);
  if (type === "output") return { type, source: decodePlace(r, bits) };
  const source = isField ? decodePlace(r, bits) : decodeImmediate(r, bits);
  return { type, source, destination: decodePlace(r, bits) };
}

function decodeImmediate(r: Reader, bits: number): FieldValue {
  const value = r.wide(Math.ceil(bits / 16) * 2);
  return value >> BigInt(bits) === 0n ? sized(value, bits) : r.fail(`a value of more than ${bits} bits`);
}

function decodePlace(r: Reader, bits: number): Subfield {
  return { ...decodeReference(r), start: r.u16(), bits };
}

export const learnForms = [
  nicira("learn", 16, {
    fits: ({ limit, resultDestination }) => limit === undefined && resultDestination === undefined,
    encode(w, learn) {
      encodeHead(w, learn);
      for (const spec of learn.specs) encodeSpec(w, spec);
    },
    decode(r) {
      const { learn } = decodeHead(r);
      return { type: "learn", ...learn, specs: decodeSpecs(r) };
    },
  }),
  nicira("learn", 45, {
    encode(w, learn) {
      encodeHead(w, learn);
      w.u32(learn.limit ?? 0);
      w.u16(learn.resultDestination?.start ?? 0);
      w.u16(0);
      if (learn.resultDestination !== undefined) encodeNxmHeader(w, learn.resultDestination);
      for (const spec of learn.specs) encodeSpec(w, spec);
    },
    decode(r) {
      const { learn, flags } = decodeHead(r);
      const limit = r.u32();
      const start = r.u16();
      r.skip(2);
      const result = flags & WRITE_RESULT ? { ...decodeReference(r), start, bits: 1 } : undefined;
      return {
        type: "learn",
        ...learn,
        ...(limit === 0 ? {} : { limit }),
        ...(result === undefined ? {} : { resultDestination: result }),
        specs: decodeSpecs(r),
      };
    },
  }),
];
