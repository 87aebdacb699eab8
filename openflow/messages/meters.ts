import type { MeterBand } from "#openflow/flow.ts";
import { type Codec, listOf, pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import { duration } from "./oxs.ts";
import { measured, named } from "./records.ts";

const BAND_TYPE = { drop: 1, dscp_remark: 2 } as const;
const band = measured(
  2,
  struct({
    type: named(u16, BAND_TYPE, "meter band type", "OFPMMFC_BAD_BAND"),
    _length: pad(2),
    rate: u32,
    burst: u32,
    precedence: u8,
    _pad: pad(3),
  }),
);

const meterBand: Codec<MeterBand> = {
  encode: (w, value) => band.encode(w, { precedence: 0, ...value }),
  decode(r) {
    const { type, precedence, ...others } = band.decode(r);
    return type === "drop" ? { type, ...others } : { type, ...others, precedence };
  },
};
const bands = listOf("bands", meterBand);

const COMMAND = { add: 0, modify: 1, delete: 2 } as const;

/** OFPT_METER_MOD (OpenFlow 1.5.1 section 7.3.4.6): OFPMF_* in `flags`. */
export const meterMod = struct({
  command: named(u16, COMMAND, "meter_mod command", "OFPMMFC_BAD_COMMAND"),
  flags: u16,
  meterId: u32,
  bands,
});

export const OFPM_ALL = 0xffff_ffff;

/** OFPM_ALL asks for all. */
export const meterRequest = struct({ meterId: u32, _pad: pad(4) });

export const meterConfigList = listOf(
  "meters",
  measured(0, struct({ _length: pad(2), flags: u16, meterId: u32, bands })),
);

/** ofp_meter_stats (OpenFlow 1.5.1 section 7.3.5.14). */
export const meterStatsList = listOf(
  "meters",
  measured(
    4,
    struct({
      meterId: u32,
      _length: pad(2),
      _pad: pad(6),
      flows: u32,
      packets: u64,
      bytes: u64,
      duration,
      bands: listOf("bands", struct({ packets: u64, bytes: u64 })),
    }),
  ),
);

export const meterFeatures = struct({
  maxMeters: u32,
  bandTypes: u32,
  capabilities: u32,
  maxBands: u8,
  maxColor: u8,
  _pad: pad(2),
});
