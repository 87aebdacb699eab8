import { requireUnique } from "./validate.ts";

/** What the node process is told of a packet for: the first byte of the action's userdata. A denial has none. */
export const TOLD = {
  /** To answer it: a policy refuses it. */
  refusal: 1,
  /** A policy that is logged has decided on a new connection. */
  connection: 2,
  /** Staged policies would deny what has been let through. */
  staged: 3,
  /** To read it before it goes on: a name server tells a pod something of names. */
  answer: 4,
} as const;

requireUnique("userdata", Object.values(TOLD), 1, 255);

export type Told = keyof typeof TOLD | "denial";

/** What the switch was told to tell of; undefined for what no version of this code has written. */
export function readTold(userdata: Uint8Array | undefined): Told | undefined {
  if (userdata === undefined || userdata.length === 0) return "denial";
  return (Object.keys(TOLD) as (keyof typeof TOLD)[]).find((name) => TOLD[name] === userdata[0]);
}
