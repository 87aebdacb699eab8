import type { Reader } from "#openflow/wire/reader.ts";

export type Side = "request" | "reply";

const OFPT_EXPERIMENTER = 4;
const OFPMP_EXPERIMENTER = 0xffff;
const NICIRA = 0x0000_2320;
const ONF = 0x4f4e_4600;
/** OFPT_MULTIPART_REQUEST and _REPLY: OpenFlow 1.0 has numbers of its own, and a shorter header. */
const MULTIPART = { old: { request: 16, reply: 17 }, new: { request: 18, reply: 19 } } as const;

/** OpenFlow 1.5. */
const NEWEST = 6;

export interface Header {
  readonly version: number;
  readonly number: number;
  readonly length: number;
  readonly xid: number;
}

/** What a message is, as far as its headers tell: those of OpenFlow, of a multipart message and of an experimenter. */
export interface Identity extends Header {
  readonly part?: { readonly side: Side; readonly number: number; readonly flags: number };
  readonly experimenter?: { readonly id: number; readonly type: number };
}

export const HEADER_SIZE = 8;

export function readHeader(r: Reader): Header {
  const version = r.u8();
  const number = r.u8();
  const length = r.u16();
  return { version, number, length, xid: r.u32() };
}

/** Reads on behind the header, up to where the body begins. */
export function identify(r: Reader, header: Header): Identity {
  const { version, number } = header;
  if (number === OFPT_EXPERIMENTER) {
    if (r.left < 8) return fail(r);
    return { ...header, experimenter: readExperimenter(r) };
  }
  const numbers = version === 1 ? MULTIPART.old : MULTIPART.new;
  // Of a version that nobody knows there is nothing to tell but what every version has.
  if (version === 0 || version > NEWEST) return header;
  const side = number === numbers.request ? "request" : number === numbers.reply ? "reply" : undefined;
  if (side === undefined) return header;
  if (r.left < (version === 1 ? 4 : 8)) return fail(r);
  const part = { side, number: r.u16(), flags: r.u16() } as const;
  if (version !== 1) r.skip(4);
  if (part.number !== OFPMP_EXPERIMENTER) return { ...header, part };
  if (r.left < 8) return fail(r);
  const experimenter = readExperimenter(r);
  if (version === 1) r.skip(4);
  return { ...header, part, experimenter };
}

function fail(r: Reader): never {
  return r.fail(`${r.left} bytes behind the header are too few`, "OFPBRC_BAD_LEN");
}

function readExperimenter(r: Reader): { readonly id: number; readonly type: number } {
  return { id: r.u32(), type: r.u32() };
}

/** One text an identity; messages of one format have the same. */
export function identityKey({ version, number, part, experimenter }: Omit<Identity, "length" | "xid">): string {
  return [version, number, part?.number, experimenter?.id, experimenter?.type].join("/");
}

/** The error for a message that no format fits. */
export function refusalOf({ part, experimenter }: Identity): string {
  if (experimenter !== undefined)
    return experimenter.id === NICIRA || experimenter.id === ONF ? "OFPBRC_BAD_SUBTYPE" : "OFPBRC_BAD_VENDOR";
  return part === undefined ? "OFPBRC_BAD_TYPE" : "OFPBRC_BAD_STAT";
}

export function multipartNumber(version: number, side: Side): number {
  return (version === 1 ? MULTIPART.old : MULTIPART.new)[side];
}
