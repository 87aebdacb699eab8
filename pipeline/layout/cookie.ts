import { FEATURES, findSite, type Site, siteNumber } from "./sites.ts";

/**
 * Cookie = feature (8) | site (8) | owner hash (48). It is the same after a restart and on every node, so any flow, packet-in
 * or trace can be named. There is no round number: it would rewrite every flow at each start.
 */
export function cookieOf(site: Site, ownerText: string): bigint {
  return (BigInt(siteNumber(site)) << 48n) | hash48(ownerText);
}

interface CookieFilter {
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}

/** What the cookies of a site's flows have in common. */
export function cookiesOfSite(site: Site): CookieFilter {
  return { cookie: BigInt(siteNumber(site)) << 48n, cookieMask: 0xffffn << 48n };
}

/** What the cookies of a feature's flows have in common. */
export function cookiesOfFeature(feature: keyof typeof FEATURES): CookieFilter {
  return { cookie: BigInt(FEATURES[feature].id) << 56n, cookieMask: 0xffn << 56n };
}

/** The site that a cookie names; undefined for a foreign cookie. */
export function siteOfCookie(cookie: bigint): { readonly site: string; readonly why: string } | undefined {
  return findSite(Number(cookie >> 48n));
}

/** Two FNV-1a lanes over UTF-16 units, each mixed at its end: quick, and good enough to tell owners apart. */
function hash48(text: string): bigint {
  let high = 0x811c9dc5;
  let low = 0x9e3779b9;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b);
  }
  return (BigInt(mix(high) >>> 8) << 24n) | BigInt(mix(low) >>> 8);
}

/** The end of MurmurHash3: every bit of the input sways every bit of the output. */
function mix(lane: number): number {
  let bits = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
