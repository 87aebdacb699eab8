import { requireUnique } from "./validate.ts";

/** Numbers of the meters that Weir has on the bridge. */
export const METERS = {
  denials: { id: 1, purpose: "how many packets that policies deny the node process is told of" },
  refusals: { id: 2, purpose: "how many packets that policies deny are refused rather than dropped" },
} as const;

requireUnique(
  "meter",
  Object.values(METERS).map(({ id }) => id),
  1,
  0xffff_0000,
);

/** Packets a second, unless the configuration says otherwise. */
export const DEFAULT_DENIAL_SAMPLES = 100;

/** Packets a second. */
export const REFUSALS = 500;

/** So much of a denied packet is sent to the node process: its headers. */
export const DENIAL_BYTES = 128;
