import type { Segment } from "./segment.ts";

type TcpSegment = Extract<Segment, { readonly transport: "tcp" }>;

/** DNS messages out of the segments of TCP connections, each behind its length (RFC 1035, 4.2.2). */
export interface Streams {
  /** The messages that a segment completes. */
  take(segment: TcpSegment): readonly Uint8Array[];
}

interface Stream {
  /** Of the byte that is to come. */
  sequence: number;
  /** The beginning of a message. */
  rest: Uint8Array;
}

/** So many are followed at once; then the one that was silent for the longest time is let go. */
const MOST_STREAMS = 128;
const LENGTH = 2;

/**
 * A connection is followed from its beginning, or from the first segment that is seen of it, as if a message began there. Where
 * one is missing that end is lost, and so is the connection to us, until another begins with the same ports.
 */
export function createStreams(): Streams {
  const streams = new Map<string, Stream>();

  function follow({ connection, sequence, isFirst }: TcpSegment): Stream {
    const known = isFirst ? undefined : streams.get(connection);
    const stream = known ?? { sequence, rest: new Uint8Array() };
    // The last one heard of is the last to be let go.
    streams.delete(connection);
    streams.set(connection, stream);
    const [oldest] = streams.keys();
    if (streams.size > MOST_STREAMS && oldest !== undefined) streams.delete(oldest);
    return stream;
  }

  return {
    take(segment) {
      const { connection, sequence, payload, isLast } = segment;
      const stream = follow(segment);
      /** By how much it lies behind what is expected; what lies before has been seen. */
      const ahead = (sequence - stream.sequence) | 0;
      if (isLast || ahead > 0) streams.delete(connection);
      if (ahead !== 0) return [];
      const { messages, rest } = split(Buffer.concat([stream.rest, payload]));
      stream.sequence = (sequence + payload.length) >>> 0;
      stream.rest = rest;
      return messages;
    },
  };
}

/** What is left is shorter than one message, which has 64 kB at most. */
function split(bytes: Uint8Array): { readonly messages: readonly Uint8Array[]; readonly rest: Uint8Array } {
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at + LENGTH <= bytes.length) {
    const end = at + LENGTH + ((bytes[at]! << 8) | bytes[at + 1]!);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(at + LENGTH, end));
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}
