/** What a node says of itself, again and again, to the others on a link. */
export interface Hello {
  /** Of several clusters on one link, whose nodes may have the same names. */
  readonly cluster: string;
  readonly node: string;
  /** Whether it would take what is sent to it. */
  readonly ready: boolean;
}

const FORMAT = "weir-hello-1";

/** Hexadecimal, as weir-announce takes it. */
export function encodeHello({ cluster, node, ready }: Hello): string {
  return Buffer.from(JSON.stringify([FORMAT, cluster, node, ready])).toString("hex");
}

/** Undefined for what is none: anybody on the link can send anything. */
export function decodeHello(hex: string): Hello | undefined {
  const fields = parse(Buffer.from(hex, "hex").toString());
  if (!Array.isArray(fields)) return undefined;
  const [format, cluster, node, ready] = fields as readonly unknown[];
  if (format !== FORMAT || typeof cluster !== "string" || typeof node !== "string") return undefined;
  return typeof ready === "boolean" ? { cluster, node, ready } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
