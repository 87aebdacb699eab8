import type { Codec } from "#openflow/wire/codec.ts";
import { pad, rest, struct, u32 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Writer } from "#openflow/wire/writer.ts";
import { type FlowDesc, flowDescList, flowFilter, tableStatsList } from "./flow-stats.ts";
import { empty } from "./handshake.ts";
import { type PortDesc, portDescList } from "./ports.ts";

/** OFPMPF_REPLY_MORE. */
const MORE = 1;

const portRequest = struct({ port: u32, _pad: pad(4) });

/** One line a kind: its OFPMP number, what a request carries, what a reply carries. */
const KINDS = {
  flow_desc: { number: 1, request: flowFilter, reply: flowDescList },
  table_stats: { number: 3, request: empty, reply: tableStatsList },
  port_desc: { number: 13, request: portRequest, reply: portDescList },
} as const;

type Kinds = typeof KINDS;
export type MultipartKind = keyof Kinds;
type ValueOfCodec<C> = C extends Codec<infer T> ? T : never;

export type MultipartRequest =
  | { [K in MultipartKind]: { readonly kind: K; readonly body: ValueOfCodec<Kinds[K]["request"]> } }[MultipartKind]
  | { readonly kind: "unknown"; readonly number: number; readonly body: Uint8Array };

export type MultipartReply =
  | { readonly kind: "flow_desc"; readonly more: boolean; readonly body: readonly FlowDesc[] }
  | { readonly kind: "port_desc"; readonly more: boolean; readonly body: readonly PortDesc[] }
  | { readonly kind: "table_stats"; readonly more: boolean; readonly body: ValueOfCodec<typeof tableStatsList> }
  | { readonly kind: "unknown"; readonly number: number; readonly more: boolean; readonly body: Uint8Array };

const kindsByNumber = new Map<number, Kinds[MultipartKind] & { kind: string }>(Object.entries(KINDS).map(([kind, entry]) => [entry.number, { kind, ...entry }]));

export const multipartRequest: Codec<MultipartRequest> = {
  encode(w, message) {
    encodePart(w, message.kind === "unknown" ? message.number : KINDS[message.kind].number, 0, "request", message);
  },
  decode: (r) => decodePart(r, "request") as unknown as MultipartRequest,
};

export const multipartReply: Codec<MultipartReply> = {
  encode(w, message) {
    const number = message.kind === "unknown" ? message.number : KINDS[message.kind].number;
    encodePart(w, number, message.more ? MORE : 0, "reply", message);
  },
  decode: (r) => decodePart(r, "reply") as unknown as MultipartReply,
};

/** ofp_multipart: type (16) | flags (16) | zeros (32) | body. The casts join number, kind and body, which the table pairs. */
function encodePart(
  w: Writer,
  number: number,
  flags: number,
  side: "request" | "reply",
  message: MultipartRequest | MultipartReply,
): void {
  w.u16(number);
  w.u16(flags);
  w.u32(0);
  const codec = message.kind === "unknown" ? rest : KINDS[message.kind][side];
  (codec as Codec<unknown>).encode(w, message.body);
}

function decodePart(r: Reader, side: "request" | "reply"): Readonly<Record<string, unknown>> {
  const number = r.u16();
  const flags = r.u16();
  r.skip(4);
  const known = kindsByNumber.get(number);
  const more = side === "reply" ? { more: (flags & MORE) !== 0 } : {};
  if (known === undefined) return { kind: "unknown", number, ...more, body: r.raw(r.left) };
  return { kind: known.kind, ...more, body: r.within(known.kind, () => known[side].decode(r)) };
}
