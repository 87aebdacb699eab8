import { EncodeError } from "#openflow/errors.ts";
import type { Codec } from "#openflow/wire/codec.ts";
import { pad, struct, u16, u32 } from "#openflow/wire/codec.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { flowMod } from "./flow-mod.ts";
import {
  bytesOnly,
  echo,
  empty,
  error,
  experimenter,
  featuresReply,
  hello,
  OPENFLOW_VERSION,
  roleMessage,
  switchConfig,
} from "./handshake.ts";
import { multipartReply, multipartRequest } from "./multipart.ts";
import { portStatus } from "./ports.ts";

/** OFPT_BUNDLE_CONTROL: its kind is OFPBCT_*. */
const bundleControl = struct({ bundleId: u32, control: u16, flags: u16 });

/** OFPT_BUNDLE_ADD_MESSAGE holds one whole message, whose xid is that of the outer one. */
const bundleAdd: Codec<{ readonly bundleId: number; readonly flags: number; readonly message: Message }> = {
  encode(w, { bundleId, flags, message }) {
    head.encode(w, { bundleId, flags });
    encodeInto(w, message, w.view.getUint32(w.offset - 12));
  },
  decode(r) {
    const { bundleId, flags } = head.decode(r);
    return { bundleId, flags, message: decodeWithin(r).message };
  },
};
const head = struct({ bundleId: u32, _pad: pad(2), flags: u16 });

/** One line a message: its OFPT number and its body behind the header. */
const MESSAGES = {
  hello: { number: 0, body: hello },
  error: { number: 1, body: error },
  echo_request: { number: 2, body: echo },
  echo_reply: { number: 3, body: echo },
  experimenter: { number: 4, body: experimenter },
  features_request: { number: 5, body: empty },
  features_reply: { number: 6, body: featuresReply },
  get_config_request: { number: 7, body: empty },
  get_config_reply: { number: 8, body: switchConfig },
  set_config: { number: 9, body: switchConfig },
  port_status: { number: 12, body: portStatus },
  flow_mod: { number: 14, body: flowMod },
  multipart_request: { number: 18, body: multipartRequest },
  multipart_reply: { number: 19, body: multipartReply },
  barrier_request: { number: 20, body: empty },
  barrier_reply: { number: 21, body: empty },
  role_request: { number: 24, body: roleMessage },
  role_reply: { number: 25, body: roleMessage },
  bundle_control: { number: 33, body: bundleControl },
  bundle_add: { number: 34, body: bundleAdd },
} as const;

type Messages = typeof MESSAGES;
export type MessageType = keyof Messages;
type Body<T extends MessageType> = Messages[T]["body"] extends Codec<infer V> ? V : never;
type Known = { [T in MessageType]: { readonly type: T } & Body<T> }[MessageType];

/** Any OpenFlow 1.5 message, without its header. What is not known is kept as bytes. */
export type Message = Known | { readonly type: "unknown"; readonly number: number; readonly data: Uint8Array };
export type MessageOf<T extends Message["type"]> = Extract<Message, { readonly type: T }>;

const VERSION = OPENFLOW_VERSION["1.5"];
const HEADER_SIZE = 8;
const messagesByNumber = new Map<number, (Messages)[MessageType] & { type: string }>(Object.entries(MESSAGES).map(([type, entry]) => [entry.number, { type, ...entry }]));

/** Appends one message; its length is patched in at the end. */
export function encodeInto(w: Writer, message: Message, xid: number): void {
  const start = w.offset;
  w.u8(VERSION);
  w.u8(message.type === "unknown" ? message.number : MESSAGES[message.type].number);
  w.u16(0);
  w.u32(xid);
  const body = message.type === "unknown" ? bytesOnly : MESSAGES[message.type].body;
  // The table pairs a type with its body; TypeScript cannot see the pair through the index.
  (body as Codec<unknown>).encode(w, message);
  const length = w.offset - start;
  if (length > 0xffff) throw new EncodeError(`${message.type} takes ${length} bytes; a message has at most 65535`);
  w.patch16(start + 2, length);
}

export function encode(message: Message, xid: number): Uint8Array {
  const w = new Writer();
  encodeInto(w, message, xid);
  return w.finish();
}

export interface Decoded {
  readonly version: number;
  readonly xid: number;
  readonly message: Message;
}

/** Decodes one whole message. Throws DecodeError. */
export function decode(bytes: Uint8Array): Decoded {
  return decodeWithin(new Reader(bytes));
}

function decodeWithin(r: Reader): Decoded {
  const version = r.u8();
  const number = r.u8();
  const length = r.u16();
  const xid = r.u32();
  if (length < HEADER_SIZE) r.fail(`message length ${length}; at least 8 is expected`);
  return r.slice(length - HEADER_SIZE, () => {
    const known = messagesByNumber.get(number);
    // Of another version only what all versions share is understood.
    if (known === undefined || (version !== VERSION && number > MESSAGES.echo_reply.number))
      return { version, xid, message: { type: "unknown", number, data: r.raw(r.left) } };
    const body = r.within(known.type, () => known.body.decode(r));
    return { version, xid, message: { type: known.type, ...body } as Message };
  });
}
