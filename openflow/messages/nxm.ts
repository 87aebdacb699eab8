import { canonicalAsRead, type Match } from "#openflow/match.ts";
import { decodeTerms, encodeTerms } from "#openflow/wire/oxm.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Writer } from "#openflow/wire/writer.ts";

/** What a Nicira message matches: a match, and the flow's cookie, which in NXM is a field among the others. */
export interface NxmMatch {
  readonly match: Match;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
}

/** NXM_NX_COOKIE and the same with a mask; its number is also that of mpls_ttl, of another length. */
const COOKIE = 0x0001_3c08;
const COOKIE_MASKED = 0x0001_3d10;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** Terms and zeros to a multiple of 8; their length without the zeros goes to `lengthAt`. */
export function encodeNxm(w: Writer, lengthAt: number, { match, cookie, cookieMask }: NxmMatch): void {
  const start = w.offset;
  encodeTerms(w, match);
  if (cookieMask === ALL_ONES) {
    w.u32(COOKIE);
    w.u64(cookie);
  } else if (cookieMask !== 0n) {
    w.u32(COOKIE_MASKED);
    w.u64(cookie);
    w.u64(cookieMask);
  }
  w.patch16(lengthAt, w.offset - start);
  w.pad(start, 8);
}

export function decodeNxm(r: Reader, length: number): NxmMatch {
  const result = r.slice(length, () => {
    const cookieAt = findCookie(r);
    const before = r.slice(cookieAt - r.offset, () => decodeTerms(r));
    if (r.left === 0) return { match: before, cookie: 0n, cookieMask: 0n };
    const isMasked = r.u32() === COOKIE_MASKED;
    const cookie = r.u64();
    const cookieMask = isMasked ? r.u64() : ALL_ONES;
    return { match: canonicalAsRead([...before, ...decodeTerms(r)]), cookie, cookieMask };
  });
  r.skip((8 - (length % 8)) % 8);
  return result;
}

/** Where the cookie's term begins, or the end of what is read. */
function findCookie(r: Reader): number {
  let offset = r.offset;
  while (offset + 4 <= r.end) {
    const header = r.view.getUint32(offset);
    if (header === COOKIE || header === COOKIE_MASKED) return offset;
    offset += 4 + (header & 0xff);
  }
  return r.end;
}
