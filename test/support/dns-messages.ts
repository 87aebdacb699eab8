import { ipBytes, parseIp } from "#base/address.ts";

/** DNS messages (RFC 1035) as name servers write them. */

export const TYPE = { A: 1, CNAME: 5, TXT: 16, AAAA: 28, HTTPS: 65 } as const;

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

export interface DnsMessage {
  readonly id?: number;
  readonly flags?: number;
  readonly question: string;
  readonly type?: number;
  readonly records?: readonly ResourceRecord[];
  readonly additional?: readonly ResourceRecord[];
}

export const QUERY = 0x0100;
export const ANSWER = 0x8180;
const CLASS_IN = 1;

export function address(name: string, ip: string, ttl = 300): ResourceRecord {
  const data = Buffer.from(ipBytes(parseIp(ip)!));
  return { name, type: data.length === 4 ? TYPE.A : TYPE.AAAA, ttl, data };
}

export function alias(name: string, target: string, ttl = 300): ResourceRecord {
  return { name, type: TYPE.CNAME, ttl, data: encodeName(target) };
}

/** An HTTPS record (RFC 9460) of the name itself with hints. */
export function https(name: string, hints: readonly string[], ttl = 300): ResourceRecord {
  const of = (family: 4 | 16) => hints.map((ip) => ipBytes(parseIp(ip)!)).filter(({ length }) => length === family);
  const parameter = (key: number, value: readonly number[]) =>
    value.length === 0 ? Buffer.alloc(0) : Buffer.concat([u16(key, value.length), Buffer.from(value)]);
  const alpn = parameter(1, [2, 0x68, 0x32]);
  const data = Buffer.concat([u16(1), encodeName(""), alpn, parameter(4, of(4).flat()), parameter(6, of(16).flat())]);
  return { name, type: TYPE.HTTPS, ttl, data };
}

export function encodeMessage(message: DnsMessage): Buffer {
  const { id = 0, flags = ANSWER, question, type = TYPE.A, records = [], additional = [] } = message;
  return Buffer.concat([
    u16(id, flags, 1, records.length, 0, additional.length),
    encodeName(question),
    u16(type, CLASS_IN),
    ...[...records, ...additional].map(encodeRecord),
  ]);
}

export function encodeRecord({ name, type, ttl, data }: ResourceRecord): Buffer {
  const life = Buffer.alloc(4);
  life.writeUInt32BE(ttl);
  return Buffer.concat([encodeName(name), u16(type, CLASS_IN), life, u16(data.length), data]);
}

export function encodeName(name: string): Buffer {
  const labels = name === "" ? [] : name.split(".");
  return Buffer.concat([...labels.map((one) => Buffer.from([one.length, ...Buffer.from(one)])), Buffer.of(0)]);
}

function u16(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >>> 8, value & 0xff]));
}
