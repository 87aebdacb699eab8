import { isIpv4 } from "#base/address.ts";
import { locateTransport, readHeaders } from "#pipeline/denials/headers.ts";

/** What a name server's packet carries. */
export type Segment =
  | {
      readonly transport: "udp";
      readonly payload: Uint8Array;
      /** The rest of the datagram is in other fragments. */
      readonly isPart: boolean;
    }
  | {
      readonly transport: "tcp";
      /** The same for all segments of a connection, and of no other. */
      readonly connection: string;
      /** Of the first byte of the payload. */
      readonly sequence: number;
      readonly payload: Uint8Array;
      /** Nothing comes before it, and nothing behind it. */
      readonly isFirst: boolean;
      readonly isLast: boolean;
    };

const ETHERNET = 14;
const IPV6_HEADER = 40;
const UDP = 17;
const TCP = 6;
const UDP_HEADER = 8;
const TCP_HEADER = 20;
const FLAG = { fin: 1, syn: 2, rst: 4 } as const;

/** Undefined for what is not all there. */
export function readSegment(frame: Uint8Array): Segment | undefined {
  const headers = readHeaders(frame);
  const transport = headers && locateTransport(frame);
  if (headers === undefined || transport === undefined) return undefined;
  const { source, destination } = headers;
  const { at, protocol } = transport;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  // Behind the packet there may be padding.
  const length = isIpv4(source) ? view.getUint16(ETHERNET + 2) : IPV6_HEADER + view.getUint16(ETHERNET + 4);
  const end = Math.min(frame.length, ETHERNET + length);
  if (protocol === UDP && at + UDP_HEADER <= end) {
    const whole = at + view.getUint16(at + 4);
    return { transport: "udp", payload: frame.subarray(at + UDP_HEADER, Math.min(end, whole)), isPart: end < whole };
  }
  if (protocol !== TCP || at + TCP_HEADER > end) return undefined;
  const header = (frame[at + 12]! >>> 4) * 4;
  const flags = frame[at + 13]!;
  if (header < TCP_HEADER || at + header > end) return undefined;
  const isFirst = (flags & FLAG.syn) !== 0;
  return {
    transport: "tcp",
    connection: `${source} ${view.getUint16(at)} ${destination} ${view.getUint16(at + 2)}`,
    // SYN stands for the byte before the first.
    sequence: (view.getUint32(at + 4) + (isFirst ? 1 : 0)) >>> 0,
    payload: frame.subarray(at + header, end),
    isFirst,
    isLast: (flags & (FLAG.fin | FLAG.rst)) !== 0,
  };
}
