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
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** Below the longest string that the engine can hold. */
const DEFAULT_LIMIT = 400 * 1024 * 1024;

export function createFramer(limit: number = DEFAULT_LIMIT): Framer {
  let parts: Buffer[] = [];
  let held = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;

  /** The index behind the message's last byte, or -1. Bytes of multi-byte characters are all above 0x7f. */
  function scan(chunk: Buffer, from: number): number {
    let at = from;
    const length = chunk.length;
    while (at < length) {
      const byte = chunk[at++];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if (byte === OPEN) depth++;
      else if (byte === CLOSE && --depth === 0) return at;
    }
    return -1;
  }

  function finish(tail: Buffer): JsonObject {
    if (parts.length === 0) return parseMessage(tail);
    parts.push(tail);
    const whole = Buffer.concat(parts);
    parts = [];
    held = 0;
    return parseMessage(whole);
  }

  function push(chunk: Buffer): JsonObject[] {
    const messages: JsonObject[] = [];
    let start = depth === 0 ? skipSpace(chunk, 0) : 0;
    while (start < chunk.length) {
      const end = scan(chunk, start);
      const tail = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (held + tail.length > limit) throw protocolError(`a message of more than ${limit} bytes`, tail);
      if (end < 0) {
        parts.push(tail);
        held += tail.length;
        break;
      }
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
