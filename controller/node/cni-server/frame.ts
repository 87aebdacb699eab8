/** The shim's frame (cni/README.md): "WCN1", two big-endian lengths, environment entries each ended by NUL, then stdin. */
const HEAD = 12;
const LIMIT = 4 << 20;

export interface Frame {
  readonly environment: ReadonlyMap<string, string>;
  readonly input: string;
}

/** The frame; undefined while bytes are missing; a text that says what is wrong. */
export function parseFrame(bytes: Buffer): Frame | undefined | string {
  const magic = bytes.subarray(0, 4).toString("latin1");
  if (!"WCN1".startsWith(magic)) return "not a frame of weir-cni: it begins with WCN1";
  if (bytes.length < HEAD) return undefined;
  const split = HEAD + bytes.readUInt32BE(4);
  const end = split + bytes.readUInt32BE(8);
  if (end > LIMIT + HEAD) return `a frame of ${end} bytes; at most ${LIMIT} are accepted`;
  if (bytes.length < end) return undefined;
  if (bytes.length > end) return "bytes behind the frame";
  const entries = bytes.subarray(HEAD, split).toString("utf8").split("\0").slice(0, -1);
  const environment = new Map(entries.map((entry) => splitOnce(entry)));
  return { environment, input: bytes.subarray(split, end).toString("utf8") };
}

/** One byte, the exit code, then what belongs on stdout. */
export function encodeAnswer(exitCode: number, output: string): Buffer {
  return Buffer.concat([Buffer.of(exitCode), Buffer.from(output)]);
}

export function encodeFrame({ environment, input }: Frame): Buffer {
  const variables = Buffer.from([...environment].map(([key, value]) => `${key}=${value}\0`).join(""));
  const stdin = Buffer.from(input);
  const head = Buffer.alloc(HEAD);
  head.write("WCN1", "latin1");
  head.writeUInt32BE(variables.length, 4);
  head.writeUInt32BE(stdin.length, 8);
  return Buffer.concat([head, variables, stdin]);
}

function splitOnce(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}
