import { garbage } from "./failure.ts";

/** An object in etcd has at most 1.5 MB; as JSON it may be some times larger. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Chunks of bytes in, parsed JSON lines out; a line may come in any number of pieces. */
export function createLineParser(): { receive(chunk: Uint8Array): readonly unknown[]; readonly isAtBoundary: boolean } {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  return {
    get isAtBoundary() {
      return restBytes === 0;
    },
    receive(chunk) {
      const values: unknown[] = [];
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        const piece = chunk.subarray(from, end);
        const line =
          restBytes === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.length) : Buffer.concat([...rest, piece]);
        from = end + 1;
        rest = [];
        restBytes = 0;
        if (line.length > 0) values.push(parseLine(line));
      }
      if (from < chunk.length) rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > MAX_LINE_BYTES) throw garbage(`a line of more than ${MAX_LINE_BYTES} bytes`);
      return values;
    },
  };
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    throw garbage(`a line that is not JSON: ${JSON.stringify(line.subarray(0, 80).toString("latin1"))}`);
  }
}
