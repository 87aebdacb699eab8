import type { BundleControl } from "#openflow/messages/bundles.ts";
import { formatBits, shortHex } from "./words.ts";

/** OFPBCT_* by number. */
const CONTROLS = [
  "OPEN_REQUEST",
  "OPEN_REPLY",
  "CLOSE_REQUEST",
  "CLOSE_REPLY",
  "COMMIT_REQUEST",
  "COMMIT_REPLY",
  "DISCARD_REQUEST",
  "DISCARD_REPLY",
] as const;
/** OFPBF_* by bit. */
export const FLAGS = ["atomic", "ordered"] as const;

export function formatBundleControl({ bundleId, control, flags }: BundleControl): string {
  return `\n bundle_id=${shortHex(bundleId)} type=${CONTROLS[control] ?? ""} flags=${formatBits(flags, FLAGS)}`;
}
