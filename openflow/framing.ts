import { DecodeError } from "#openflow/errors.ts";

const HEADER_SIZE = 8;

/**
 * Cuts a stream of bytes into messages by the length in their headers. It has no socket. After an error it is of no use: where
 * the next message begins is not known any more.
 */
export class Framing {
  #pending: Uint8Array = new Uint8Array(0);

  /** Takes a chunk; returns every message that is whole by now. They share the chunk's memory. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (bytes.length - offset >= HEADER_SIZE) {
      const length = (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
      if (length < HEADER_SIZE)
        throw new DecodeError(
          "header",
          2,
          `length ${length}; at least 8 is expected`,
          Buffer.from(bytes.subarray(offset, offset + 8)).toString("hex"),
        );
      if (bytes.length - offset < length) break;
      messages.push(bytes.subarray(offset, offset + length));
      offset += length;
    }
    this.#pending = bytes.subarray(offset);
    return messages;
  }
}
