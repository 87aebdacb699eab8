/**
 * JSON-RPC messages follow each other on the stream without delimiters (RFC 7047 section 4): a message ends where its
 * outermost object closes. Bytes in, whole messages out; knows no socket. After an error it must not be used again.
 */
import { isUtf8 } from "node:buffer";
import { OvsdbError } from "#ovsdb/error.ts";
import { parseJson } from "#ovsdb/json-text.ts";
import { isJsonObject, type JsonObject } from "#ovsdb/notation.ts";

export interface Framer {
  /** The messages that this chunk completes, in order. Throws E_OVSDB_PROTOCOL where the stream is no JSON-RPC. */
  push(chunk: Buffer): JsonObject[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Brackets and braces differ from each other in bit 0x20 only: [ ] are 0x5b 0x5d, { } are 0x7b 0x7d. */
const CASE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COLON = 0x3a;
/** Room for 600,000 small rows. */
export const DEFAULT_MESSAGE_LIMIT = 128 * 1024 * 1024;
/**
 * Of `{},{},{}` the runtime makes thirty times its size. One bracket or colon in so many bytes of the limit is more than
 * those rows have, and takes less than 1 GB and a few seconds.
 */
const BYTES_A_MARK = 16;
/** An object with some more ends the whole process: "invalid table size". */
const KEY_LIMIT = 8_000_000;
/** ovsdb-server itself takes no deeper JSON. */
const DEPTH_LIMIT = 1000;

export function createFramer(limit: number = DEFAULT_MESSAGE_LIMIT): Framer {
  /** The message that is still incomplete: one buffer that grows, for a peer may send each byte alone. */
  let held = Buffer.alloc(0);
  let length = 0;
  /** The brackets that are open, the outermost first. */
  const opened = new Uint8Array(DEPTH_LIMIT);
  /** Of each of them. */
  const keys = new Uint32Array(DEPTH_LIMIT);
  let depth = 0;
  let marks = 0;
  const markLimit = Math.max(1000, limit / BYTES_A_MARK);
  let inString = false;
  let escaped = false;

  /** The index behind the message's last byte, or -1. Bytes of multi-byte characters are all above 0x7f. */
  function scan(chunk: Buffer, from: number): number {
    const end = chunk.length;
    for (let at = from; at < end; ) {
      const byte = chunk[at++]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if ((byte | CASE) === OPEN) {
        if (depth === DEPTH_LIMIT) throw protocolError(`JSON nested deeper than ${DEPTH_LIMIT}`, chunk);
        keys[depth] = 0;
        opened[depth++] = byte;
        marks++;
      } else if ((byte | CASE) === CLOSE) {
        // A wrong one would let us wait for an end that has gone by.
        if (opened[--depth] !== byte - 2) throw protocolError("brackets that do not match", chunk.subarray(at - 1));
        if (depth === 0) return at;
      } else if (byte === COLON) {
        marks++;
        if (++keys[depth - 1]! > KEY_LIMIT) throw protocolError(`an object of more than ${KEY_LIMIT} keys`, chunk);
      }
    }
    return -1;
  }

  function hold(piece: Buffer): void {
    const wanted = length + piece.length;
    if (wanted > held.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, Math.min(2 * held.length, limit)));
      held.copy(larger, 0, 0, length);
      held = larger;
    }
    piece.copy(held, length);
    length = wanted;
  }

  function finish(tail: Buffer): JsonObject {
    if (length === 0) return parseMessage(tail);
    hold(tail);
    const whole = held.subarray(0, length);
    held = Buffer.alloc(0);
    length = 0;
    return parseMessage(whole);
  }

  function push(chunk: Buffer): JsonObject[] {
    const messages: JsonObject[] = [];
    let start = depth === 0 ? skipSpace(chunk, 0) : 0;
    while (start < chunk.length) {
      const end = scan(chunk, start);
      const tail = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (length + tail.length > limit) throw protocolError(`a message of more than ${limit} bytes`, tail);
      if (marks > markLimit) throw protocolError(`a message of more than ${markLimit} brackets and colons`, tail);
      if (end < 0) {
        hold(tail);
        break;
      }
      marks = 0;
      messages.push(finish(tail));
      start = skipSpace(chunk, end);
    }
    return messages;
  }

  return { push };
}

function skipSpace(chunk: Buffer, from: number): number {
  let at = from;
  while (at < chunk.length) {
    const byte = chunk[at];
    if (byte === OPEN) return at;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
      throw protocolError('bytes between messages; each should begin with "{"', chunk.subarray(at));
    }
    at++;
  }
  return at;
}

function parseMessage(bytes: Buffer): JsonObject {
  if (!isUtf8(bytes)) throw protocolError("a message that is not UTF-8", bytes);
  let message: ReturnType<typeof parseJson>;
  try {
    message = parseJson(bytes.toString("utf8"));
  } catch (error) {
    throw protocolError("a message that is not JSON", bytes, error);
  }
  if (!isJsonObject(message)) throw protocolError("a message that is no object", bytes);
  return message;
}

function protocolError(what: string, bytes: Buffer, cause?: unknown): OvsdbError {
  const sample = bytes.toString("latin1", 0, 60);
  return new OvsdbError("E_OVSDB_PROTOCOL", `the server sent ${what}: ${JSON.stringify(sample)}`, {}, cause);
}
