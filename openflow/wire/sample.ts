import type { ActionOf } from "#openflow/actions.ts";
import { OFPP } from "#openflow/ports.ts";
import { nicira, port16 } from "./action-codec.ts";
import { struct, u16, u32 } from "./codec.ts";

/*
 * NXAST_SAMPLE behind the Nicira header:
 *
 *     probability (16) | collector set (32) | observation domain (32) | observation point (32)
 *
 * NXAST_SAMPLE2 adds the port (16) and zeros (48), NXAST_SAMPLE3 the port (16), the direction (8) and zeros (40).
 */
const head = struct({
  probability: u16,
  collectorSetId: u32,
  observationDomainId: u32,
  observationPointId: u32,
});

const DIRECTIONS = { ingress: 1, egress: 2 } as const;

type Sample = ActionOf<"sample">;

function withPort(sampling: Omit<Sample, "type">, port: number, direction: number): Sample {
  return {
    type: "sample",
    ...sampling,
    ...(port === OFPP.ANY ? {} : { samplingPort: port }),
    ...(direction === DIRECTIONS.ingress ? { direction: "ingress" } : {}),
    ...(direction === DIRECTIONS.egress ? { direction: "egress" } : {}),
  };
}

export const sampleForms = [
  nicira("sample", 29, {
    fits: ({ samplingPort, direction }) => samplingPort === undefined && direction === undefined,
    encode: (w, sample) => head.encode(w, sample),
    decode: (r) => ({ type: "sample", ...head.decode(r) }),
  }),
  nicira("sample", 38, {
    fits: ({ direction }) => direction === undefined,
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
  nicira("sample", 41, {
    encode(w, sample) {
      head.encode(w, sample);
      port16.encode(w, sample.samplingPort ?? OFPP.ANY);
      w.u8(sample.direction === undefined ? 0 : DIRECTIONS[sample.direction]);
      w.zeros(5);
    },
    decode(r) {
      const sampling = head.decode(r);
      const port = port16.decode(r);
      const direction = r.u8();
      r.skip(5);
      if (direction > DIRECTIONS.egress) r.fail(`direction ${direction}; 0, 1 or 2 is expected`);
      return withPort(sampling, port, direction);
    },
  }),
];
