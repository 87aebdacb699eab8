import type { Action, NatSpec } from "#openflow/actions.ts";
import { type ActionOf, decodeBits, encodeBits } from "./action-codec.ts";
import { decodeFieldHeader, encodeFieldHeader } from "./oxm.ts";
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
type Nested = (w: Writer, action: Action) => void;

export function encodeCt(w: Writer, ct: Ct, nested: Nested, nat: (w: Writer, spec: NatSpec | true) => void): void {
  w.u16((ct.commit ? COMMIT : 0) | (ct.force ? FORCE : 0));
  if (typeof ct.zone === "object") {
    encodeFieldHeader(w, ct.zone.field);
    w.u16(encodeBits(ct.zone.start, ct.zone.bits));
  } else {
    w.u32(0);
    w.u16(ct.zone ?? 0);
  }
  w.u8(ct.table ?? NO_TABLE);
  w.zeros(3);
  w.u16(ct.alg === undefined ? 0 : ALG[ct.alg]);
  if (ct.nat !== undefined) nat(w, ct.nat);
  for (const action of ct.exec ?? []) nested(w, action);
}

export function decodeCt(
  r: Reader,
  nested: (r: Reader) => readonly (Action | { type: "nat"; spec: NatSpec | true })[],
): Ct {
  const flags = r.u16();
  r.need(4);
  const zoneHeader = r.view.getUint32(r.offset, false);
  const zoneField = zoneHeader === 0 ? void r.skip(4) : decodeFieldHeader(r).field.name;
  const zoneBits = r.u16();
  const table = r.u8();
  r.skip(3);
  const algNumber = r.u16();
  const actions = nested(r);
  const exec: Action[] = [];
  let nat: NatSpec | true | undefined;
  for (const action of actions) {
    if (action.type === "nat") nat = action.spec;
    else exec.push(action);
  }
  const alg = algNumber === ALG.ftp ? "ftp" : algNumber === ALG.tftp ? "tftp" : undefined;
  return {
    type: "ct",
    ...(flags & COMMIT ? { commit: true } : {}),
    ...(flags & FORCE ? { force: true } : {}),
    ...(table === NO_TABLE ? {} : { table }),
    ...(zoneField !== undefined
      ? { zone: { field: zoneField, ...decodeBits(zoneBits) } }
      : zoneBits === 0
        ? {}
        : { zone: zoneBits }),
    ...(nat === undefined ? {} : { nat }),
    ...(alg === undefined ? {} : { alg }),
    ...(exec.length === 0 ? {} : { exec }),
  };
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

export function encodeNat(w: Writer, given: NatSpec | true): void {
  w.u16(0);
  if (given === true) return w.u32(0);
  const { minAddress: from, maxAddress: to, minPort, maxPort } = given;
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

export function decodeNat(r: Reader): NatSpec | true {
  r.skip(2);
  const flags = r.u16();
  const present = r.u16();
  if ((flags & (NAT_SRC | NAT_DST)) === 0) return true;
  const addresses = [
    present & IPV4_MIN ? r.u32() : undefined,
    present & IPV4_MAX ? r.u32() : undefined,
    present & IPV6_MIN ? r.wide(16) : undefined,
    present & IPV6_MAX ? r.wide(16) : undefined,
  ];
  const minAddress = addresses[0] ?? addresses[2];
  const maxAddress = addresses[1] ?? addresses[3];
  const minPort = present & PORT_MIN ? r.u16() : undefined;
  const maxPort = present & PORT_MAX ? r.u16() : undefined;
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
