import type { Action, ActionOf, NatSpec } from "#openflow/actions.ts";
import { EncodeError } from "#openflow/errors.ts";
import { decodeBits, encodeBits, encodeShortHeader } from "./action-codec.ts";
import { decodeReference } from "./oxm.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/*
 * NXAST_CT behind the Nicira header, then nested actions (NXAST_NAT, and what ct(exec(...)) holds):
 *
 *     flags (16) | zone field (32), 0 for a number | zone number or bits (16) | table (8) | zeros (24) | alg (16)
 *
 * NXAST_NAT: zeros (16) | flags (16) | which of the following are there (16) | IPv4 from, to (32 each)
 *     | IPv6 from, to (128 each) | port from, to (16 each)
 */
const COMMIT = 1;
const FORCE = 2;
const NO_TABLE = 0xff;
const ALG = { ftp: 21, tftp: 69 } as const;

export const NXAST_CT = 35;
export const NXAST_NAT = 36;

type Ct = ActionOf<"ct">;

export function encodeCt(
  w: Writer,
  ct: Ct,
  encodeNested: (w: Writer, actions: readonly Action[]) => void,
  encodeNatAction: (w: Writer, spec: NatSpec | true) => void,
): void {
  w.u16((ct.commit ? COMMIT : 0) | (ct.force ? FORCE : 0) | (ct.otherFlags ?? 0));
  if (typeof ct.zone === "object") {
    encodeShortHeader(w, ct.zone);
    encodeBits(w, ct.zone);
  } else {
    w.u32(0);
    w.u16(ct.zone ?? 0);
  }
  w.u8(ct.table ?? NO_TABLE);
  w.zeros(3);
  w.u16(ct.alg === undefined ? 0 : typeof ct.alg === "number" ? ct.alg : ALG[ct.alg]);
  if (ct.nat !== undefined) encodeNatAction(w, ct.nat);
  if (ct.exec !== undefined) encodeNested(w, ct.exec);
}

export function decodeCt(
  r: Reader,
  decodeNested: (r: Reader) => { readonly nat?: NatSpec | true; readonly exec: readonly Action[] },
): Ct {
  const flags = r.u16();
  const otherFlags = flags & ~(COMMIT | FORCE);
  const zone = decodeZone(r);
  const table = r.u8();
  r.skip(3);
  const alg = decodeAlg(r);
  const { nat, exec } = decodeNested(r);
  return {
    type: "ct",
    ...(flags & COMMIT ? { commit: true } : {}),
    ...(flags & FORCE ? { force: true } : {}),
    ...(table === NO_TABLE ? {} : { table }),
    ...(zone === undefined ? {} : { zone }),
    ...(nat === undefined ? {} : { nat }),
    ...(alg === undefined ? {} : { alg }),
    ...(exec.length === 0 ? {} : { exec }),
    ...(otherFlags === 0 ? {} : { otherFlags }),
  };
}

function decodeZone(r: Reader): Ct["zone"] {
  r.need(4);
  if (r.view.getUint32(r.offset) !== 0) {
    const reference = decodeReference(r);
    return { ...reference, ...decodeBits(r.u16()) };
  }
  r.skip(4);
  const zone = r.u16();
  return zone === 0 ? undefined : zone;
}

function decodeAlg(r: Reader): Ct["alg"] {
  const port = r.u16();
  if (port === 0) return undefined;
  return port === ALG.ftp ? "ftp" : port === ALG.tftp ? "tftp" : port;
}

const NAT_SRC = 1;
const NAT_DST = 2;
const NAT_PERSISTENT = 4;
const NAT_HASH = 8;
const NAT_RANDOM = 16;
const IPV4_MIN = 1;
const IPV4_MAX = 2;
const IPV6_MIN = 4;
const IPV6_MAX = 8;
const PORT_MIN = 16;
const PORT_MAX = 32;

/** A range of one is written as its only member. */
function upperEnd<T>(from: T | undefined, to: T | undefined): T | undefined {
  return to === from ? undefined : to;
}

export function encodeNat(w: Writer, given: NatSpec | true): void {
  w.u16(0);
  if (given === true) {
    w.u32(0);
    return;
  }
  const { minAddress: from, minPort } = given;
  const to = upperEnd(from, given.maxAddress);
  const maxPort = upperEnd(minPort, given.maxPort);
  if (from === undefined && (to !== undefined || minPort !== undefined))
    throw new EncodeError("nat: a port or an upper end needs an address");
  if (to !== undefined && typeof to !== typeof from) throw new EncodeError("nat: both ends must be of one family");
  if (minPort === undefined && maxPort !== undefined) throw new EncodeError("nat: an upper port needs a lower one");
  const isV6 = typeof from === "bigint";
  w.u16(
    (given.type === "src" ? NAT_SRC : NAT_DST) |
      (given.persistent ? NAT_PERSISTENT : 0) |
      (given.hash ? NAT_HASH : 0) |
      (given.random ? NAT_RANDOM : 0),
  );
  w.u16(
    (from === undefined ? 0 : isV6 ? IPV6_MIN : IPV4_MIN) |
      (to === undefined ? 0 : isV6 ? IPV6_MAX : IPV4_MAX) |
      (minPort === undefined ? 0 : PORT_MIN) |
      (maxPort === undefined ? 0 : PORT_MAX),
  );
  for (const address of [from, to]) {
    if (typeof address === "bigint") w.wide(address, 16);
    else if (address !== undefined) w.u32(address);
  }
  for (const port of [minPort, maxPort]) if (port !== undefined) w.u16(port);
}

/** Bits that say an end is there, without those that say what it is the other end of. */
const NEEDED = [
  [IPV4_MAX, IPV4_MIN],
  [IPV6_MAX, IPV6_MIN],
  [PORT_MAX, PORT_MIN],
  [PORT_MIN, IPV4_MIN | IPV6_MIN],
] as const;

export function decodeNat(r: Reader): NatSpec | true {
  r.skip(2);
  const flags = r.u16();
  const present = r.u16();
  if ((flags & (NAT_SRC | NAT_DST)) === 0) return flags === 0 && present === 0 ? true : r.fail("nat of neither end");
  if ((flags & (NAT_SRC | NAT_DST)) === (NAT_SRC | NAT_DST)) r.fail("nat of both ends");
  if ((present & IPV4_MIN) !== 0 && (present & IPV6_MIN) !== 0) r.fail("a nat range of both families");
  for (const [end, other] of NEEDED)
    if ((present & end) !== 0 && (present & other) === 0)
      r.fail(`nat range 0x${present.toString(16)} has no beginning`);
  const isV4 = (present & IPV4_MIN) !== 0;
  const address = () => (isV4 ? r.u32() : r.wide(16));
  const minAddress = present & (IPV4_MIN | IPV6_MIN) ? address() : undefined;
  const maxAddress = upperEnd(minAddress, present & (IPV4_MAX | IPV6_MAX) ? address() : undefined);
  const minPort = present & PORT_MIN ? r.u16() : undefined;
  const maxPort = upperEnd(minPort, present & PORT_MAX ? r.u16() : undefined);
  return {
    type: flags & NAT_SRC ? "src" : "dst",
    ...(minAddress === undefined ? {} : { minAddress }),
    ...(maxAddress === undefined ? {} : { maxAddress }),
    ...(minPort === undefined ? {} : { minPort }),
    ...(maxPort === undefined ? {} : { maxPort }),
    ...(flags & NAT_RANDOM ? { random: true } : {}),
    ...(flags & NAT_HASH ? { hash: true } : {}),
    ...(flags & NAT_PERSISTENT ? { persistent: true } : {}),
  };
}
