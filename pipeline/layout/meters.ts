import { requireUnique } from "./validate.ts";

/** Numbers of the meters that Weir has on the bridge. */
export const METERS = {
  denials: { id: 1, purpose: "how many packets that policies deny the node process is told of" },
  staged: { id: 4, purpose: "of how many packets the node process is told that staged policies would deny" },
  connections: { id: 3, purpose: "of how many new connections the node process is told that policies log" },
  refusals: { id: 2, purpose: "how many packets that policies deny are refused rather than dropped" },
} as const;

/** Numbers from here on follow from the policies that have meters of their own. */
export const FIRST_POLICY_METER = 16;

requireUnique(
  "meter",
  Object.values(METERS).map(({ id }) => id),
  1,
  FIRST_POLICY_METER - 1,
);

/** Packets a second, unless the configuration says otherwise. */
export const DEFAULT_DENIAL_SAMPLES = 100;

/** Packets a second. */
export const REFUSALS = 500;

/** New connections a second. */
export const CONNECTION_SAMPLES = 100;

/** So much of a denied packet is sent to the node process: its headers. */
export const DENIAL_BYTES = 128;
