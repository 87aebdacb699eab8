import type { ActionOf, Subfield } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import { OFPP } from "#openflow/ports.ts";
import { decodeBits, encodeBits, encodeShortHeader, nicira, port16 } from "./action-codec.ts";
import { type Codec, struct, u16, u32 } from "./codec.ts";
import { decodeReference } from "./oxm.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/*
 * NXAST_SAMPLE behind the Nicira header:
 *
 *     probability (16) | collector set (32) | observation domain (32) | observation point (32)
 *
 * NXAST_SAMPLE2 adds the port (16) and zeros (48), NXAST_SAMPLE3 the port (16), the direction (8) and zeros (40).
 * NXAST_SAMPLE4 is NXAST_SAMPLE3 with 64 bits for each observation: a field's header (32), its bits (16) and zeros (16), or
 * zeros (32) and a number (32).
 */
type Sample = ActionOf<"sample">;
type Observation = number | Subfield;

const MOST_BITS = 32;

const observedNumber: Codec<Observation> = {
  encode(w, value) {
    if (typeof value !== "number") throw new EncodeError(`${value.field} stands where only a number can`);
    w.u32(value);
  },
  decode: (r) => r.u32(),
};

const observedField: Codec<Observation> = {
  encode(w, value) {
    if (typeof value === "number") {
      w.u32(0);
      w.u32(value);
      return;
    }
    if (value.bits > MOST_BITS)
      throw new EncodeError(`an observation has 32 bits, not ${value.bits} of ${value.field}`);
    encodeShortHeader(w, value);
    encodeBits(w, value);
    w.zeros(2);
  },
  decode(r) {
    const start = r.offset;
    if (r.u32() === 0) return r.u32();
    r.offset = start;
    const reference = decodeReference(r);
    const run = decodeBits(r.u16());
    r.skip(2);
    if (run.bits > MOST_BITS) r.fail(`${run.bits} bits; an observation has 32`, "OFPBAC_BAD_ARGUMENT");
    return { ...reference, ...run };
  },
};

function sampleHead(observation: Codec<Observation>) {
  return struct({
    probability: u16,
    collectorSetId: u32,
    observationDomainId: observation,
    observationPointId: observation,
  });
}

const head = sampleHead(observedNumber);
const fieldHead = sampleHead(observedField);

const DIRECTIONS = { ingress: 1, egress: 2 } as const;

function withPort(sampling: Omit<Sample, "type">, port: number, direction: number): Sample {
  return {
    type: "sample",
    ...sampling,
    ...(port === OFPP.ANY ? {} : { samplingPort: port }),
    ...(direction === DIRECTIONS.ingress ? { direction: "ingress" } : {}),
    ...(direction === DIRECTIONS.egress ? { direction: "egress" } : {}),
  };
}

function isNumbered({ observationDomainId, observationPointId }: Sample): boolean {
  return typeof observationDomainId === "number" && typeof observationPointId === "number";
}

/** The port and the direction behind the head: NXAST_SAMPLE3 and NXAST_SAMPLE4. */
function directed(sampling: Codec<Omit<Sample, "type">>) {
  return {
    encode(w: Writer, sample: Sample) {
      sampling.encode(w, sample);
      port16.encode(w, sample.samplingPort ?? OFPP.ANY);
      w.u8(sample.direction === undefined ? 0 : DIRECTIONS[sample.direction]);
      w.zeros(5);
    },
    decode(r: Reader) {
      const values = sampling.decode(r);
      const port = port16.decode(r);
      const direction = r.u8();
      r.skip(5);
      if (direction > DIRECTIONS.egress) r.fail(`direction ${direction}; 0, 1 or 2 is expected`, "OFPBAC_BAD_ARGUMENT");
      return withPort(values, port, direction);
    },
  };
}

export const sampleForms = [
  nicira("sample", 29, {
    fits: (sample) => sample.samplingPort === undefined && sample.direction === undefined && isNumbered(sample),
    encode: (w, sample) => head.encode(w, sample),
    decode: (r) => ({ type: "sample", ...head.decode(r) }),
  }),
  nicira("sample", 38, {
    fits: (sample) => sample.direction === undefined && isNumbered(sample),
    encode(w, sample) {
      head.encode(w, sample);
      port16.encode(w, sample.samplingPort ?? OFPP.ANY);
      w.zeros(6);
    },
    decode(r) {
      const sampling = head.decode(r);
      const port = port16.decode(r);
      r.skip(6);
      return withPort(sampling, port, 0);
    },
  }),
  nicira("sample", 41, { fits: isNumbered, ...directed(head) }),
  nicira("sample", 51, directed(fieldHead)),
];
