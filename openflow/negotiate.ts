import { OPENFLOW_VERSION } from "./messages/handshake.ts";
import type { WireVersion } from "./messages/message.ts";

/** Versions that a connection may speak, the best first. */
export const SPOKEN_VERSIONS: readonly WireVersion[] = ["1.5", "1.3"];

/**
 * OpenFlow 1.5.1 section 6.3.1: the highest that both bitmaps have; without a bitmap the lower of both headers. Undefined
 * where there is none.
 */
export function negotiate(
  ours: readonly WireVersion[],
  header: number,
  theirs: readonly number[],
): WireVersion | undefined {
  const best = SPOKEN_VERSIONS.filter((version) => ours.includes(version));
  if (theirs.length > 0) return best.find((version) => theirs.includes(OPENFLOW_VERSION[version]));
  // Who sends no bitmap speaks every version up to the header's.
  return best.find((version) => OPENFLOW_VERSION[version] <= header);
}

/** Why there is none, and what to do about it. */
export function describeMismatch(ours: readonly WireVersion[], header: number, theirs: readonly number[]): string {
  const names = Object.entries(OPENFLOW_VERSION);
  const name = (version: number) => names.find(([, number]) => number === version)?.[0] ?? `wire version ${version}`;
  const spoken = theirs.length === 0 ? `${name(header)} at most` : theirs.map(name).join(", ");
  const protocols = ours.map((version) => `OpenFlow${version.replace(".", "")}`).join(" or ");
  return `speaks OpenFlow ${spoken}; ${ours.join(" or ")} is needed: add ${protocols} to the bridge's protocols`;
}
