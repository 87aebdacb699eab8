import { type Ip, ipFromBytes } from "#base/address.ts";

/** A record of an answer, as far as it says where a name leads. */
export type DnsRecord =
  | { readonly type: "address"; readonly owner: string; readonly ttl: number; readonly ip: Ip }
  | { readonly type: "alias"; readonly owner: string; readonly ttl: number; readonly target: string };

/** What a name server says to one question. Names are in lower case, without a dot at their end. */
export interface DnsAnswer {
  readonly question: string;
  readonly records: readonly DnsRecord[];
}

/** Of types and classes, RFC 1035 (3.2), 3596 and 9460. */
const TYPE = { A: 1, CNAME: 5, AAAA: 28, SVCB: 64, HTTPS: 65 } as const;
const CLASS_IN = 1;
/** Keys of what SVCB and HTTPS records say of a name. */
const IPV4_HINT = 4;
const IPV6_HINT = 6;

const HEADER = 12;
/** QR, OPCODE and RCODE: a response to a standard query that tells of no error. */
const KIND = 0xf80f;
const ANSWER = 0x8000;
const LONGEST_NAME = 255;
/** Who writes a name needs no more than one jump for each of its labels. */
const MOST_JUMPS = 127;
/** The two highest bits of a label's length: it is elsewhere. */
const POINTER = 0xc0;
/** RFC 2181, 8: with the highest bit set, it is to be taken for none. */
const LONGEST_TTL = 0x7fff_ffff;

/**
 * Reads a DNS message (RFC 1035, 4.1). "no answer" is one that says nothing of where a name leads: a question, an error. Of one
 * of which only the beginning is there (`isPart`) the records count that are whole. Undefined for what is malformed.
 */
export function readAnswer(bytes: Uint8Array, isPart = false): DnsAnswer | "no answer" | undefined {
  try {
    return read(new Cursor(bytes), isPart);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function read(cursor: Cursor, isPart: boolean): DnsAnswer | "no answer" {
  cursor.at = 2;
  const kind = cursor.u16() & KIND;
  const [questions, answers] = [cursor.u16(), cursor.u16()];
  cursor.at = HEADER;
  if (kind !== ANSWER || questions !== 1) return "no answer";
  const question = cursor.name();
  cursor.skip(4);
  const records: DnsRecord[] = [];
  for (let i = 0; i < answers; i++) {
    try {
      records.push(...readRecord(cursor));
    } catch (error) {
      if (isPart && error instanceof Malformed) break;
      throw error;
    }
  }
  return { question, records };
}

function readRecord(cursor: Cursor): readonly DnsRecord[] {
  const owner = cursor.name();
  const [type, kind, told] = [cursor.u16(), cursor.u16(), cursor.u32()];
  const ttl = told > LONGEST_TTL ? 0 : told;
  const data = cursor.part(cursor.u16());
  if (kind !== CLASS_IN) return [];
  const address = (ip: Ip): DnsRecord => ({ type: "address", owner, ttl, ip });
  switch (type) {
    case TYPE.A:
      return [address(ipFromBytes(data.exactly(4)))];
    case TYPE.AAAA:
      return [address(ipFromBytes(data.exactly(16)))];
    case TYPE.CNAME: {
      const target = data.name();
      data.exactly(0);
      return [{ type: "alias", owner, ttl, target }];
    }
    case TYPE.SVCB:
    case TYPE.HTTPS:
      return readHints(data).map(address);
    default:
      return [];
  }
}

/** RFC 9460, 2.2 and 7.3: priority, target, then keys with values; those of addresses are lists of them. */
function readHints(data: Cursor): readonly Ip[] {
  data.u16();
  data.name();
  const hints: Ip[] = [];
  while (data.left > 0) {
    const key = data.u16();
    const value = data.part(data.u16());
    const size = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : undefined;
    while (size !== undefined && value.left > 0) hints.push(ipFromBytes(value.take(size)));
  }
  return hints;
}

/** Never reads behind the end of its part; names may be continued anywhere before themselves in the message. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.at;
  }

  skip(count: number): number {
    if (this.left < count) throw new Malformed();
    this.at += count;
    return this.at - count;
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2));
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4));
  }

  take(count: number): Uint8Array {
    const start = this.skip(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** All that is left, which must be so much. */
  exactly(count: number): Uint8Array {
    if (this.left !== count) throw new Malformed();
    return this.take(count);
  }

  part(length: number): Cursor {
    const start = this.skip(length);
    return new Cursor(this.#bytes, start, start + length);
  }

  /** RFC 1035, 4.1.4. Each pointer leads to before the labels that it ends, so that there is an end. */
  name(): string {
    const labels: string[] = [];
    let length = 1;
    let jumps = 0;
    let reader: Cursor = this;
    for (let start = this.at; ; ) {
      const first = reader.take(1)[0]!;
      if (first === 0) return labels.join(".");
      if ((first & POINTER) === POINTER) {
        const target = ((first & ~POINTER) << 8) | reader.take(1)[0]!;
        if (target >= start || ++jumps > MOST_JUMPS) throw new Malformed();
        start = target;
        reader = new Cursor(this.#bytes, target);
        continue;
      }
      length += 1 + first;
      if (first > 63 || length > LONGEST_NAME) throw new Malformed();
      labels.push(label(reader.take(first)));
    }
  }
}

/** A dot within a label is none between two. */
function label(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1").toLowerCase().replaceAll(".", "\\.");
}
