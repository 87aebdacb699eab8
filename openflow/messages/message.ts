import { EncodeError } from "#openflow/errors.ts";
import { type Codec, decodeTyped } from "#openflow/wire/codec.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { bundleAddHead, bundleControl } from "./bundles.ts";
import { asyncConfig, roleMessage, roleStatus } from "./controllers.ts";
import { flowMod } from "./flow-mod.ts";
import { flowRemoved } from "./flow-stats.ts";
import { groupMod } from "./groups.ts";
import { echo, empty, error, experimenter, featuresReply, hello, OPENFLOW_VERSION, switchConfig } from "./handshake.ts";
import {
  HEADER_SIZE,
  type Header,
  type Identity,
  identify,
  identityKey,
  multipartNumber,
  readHeader,
  type Side,
} from "./identity.ts";
import { atLeast, exactly, fits, inSteps, type Layout, type Lengths } from "./layout.ts";
import { meterMod } from "./meters.ts";
import {
  encodePart,
  hasMore,
  KINDS,
  type Kind,
  type MultipartReply,
  type MultipartRequest,
  partOf,
} from "./multipart.ts";
import {
  controllerId,
  ctFlush,
  ctFlushZone,
  flowModTableId,
  NICIRA,
  nxAsyncConfig,
  nxRole,
  setPacketInFormat,
  tlvTableMod,
  tlvTableReply,
} from "./nicira.ts";
import { nxFlowMod, nxFlowRemoved } from "./nicira-flows.ts";
import { type Alias, MESSAGE_ALIASES, OLDER_FORMATS, PART_ALIASES } from "./older/index.ts";
import { nxPacketIn, packetIn, packetIn2, packetOut } from "./packets.ts";
import { portMod, portStatus } from "./ports.ts";
import { tableMod, tableStatus } from "./tables.ts";

/** OFPT_BUNDLE_ADD_MESSAGE holds one whole message, whose xid is that of the outer one. */
export interface BundleAdd {
  readonly bundleId: number;
  readonly flags: number;
  readonly message: Message;
}

const bundleAdd: Codec<BundleAdd> = {
  encode(w, { bundleId, flags, message }) {
    bundleAddHead.encode(w, { bundleId, flags });
    encodeInto(w, message, w.view.getUint32(w.offset - 12));
  },
  decode: (r) => ({ ...bundleAddHead.decode(r), message: decodeWithin(r).message }),
};

/** OFPT_REQUESTFORWARD: what another controller has changed, with the xid that it gave. */
export interface Requestforward {
  readonly xid: number;
  readonly message: Message;
}

const requestforward: Codec<Requestforward> = {
  encode: (w, { xid, message }) => encodeInto(w, message, xid),
  decode(r) {
    const { xid, message } = decodeWithin(r);
    return { xid, message };
  },
};

/** One line a message: its OFPT number, or the number of the experimenter's; its body behind the headers. */
const MESSAGES = {
  hello: { number: 0, layout: atLeast(0, hello, "all") },
  error: { number: 1, layout: atLeast(4, error, "all") },
  echo_request: { number: 2, layout: atLeast(0, echo, "all") },
  echo_reply: { number: 3, layout: atLeast(0, echo, "all") },
  features_request: { number: 5, layout: exactly(0, empty, "1.0") },
  features_reply: { number: 6, layout: exactly(24, featuresReply, "1.3") },
  get_config_request: { number: 7, layout: exactly(0, empty, "1.0") },
  get_config_reply: { number: 8, layout: exactly(4, switchConfig, "1.0") },
  set_config: { number: 9, layout: exactly(4, switchConfig, "1.0") },
  packet_in: { number: 10, layout: atLeast(16, packetIn, "1.3") },
  flow_removed: { number: 11, layout: inSteps(16, 8, flowRemoved) },
  port_status: { number: 12, layout: inSteps(48, 8, portStatus, "1.4") },
  packet_out: { number: 13, layout: atLeast(8, packetOut) },
  flow_mod: { number: 14, layout: inSteps(40, 8, flowMod) },
  group_mod: { number: 15, layout: inSteps(16, 8, groupMod) },
  port_mod: { number: 16, layout: inSteps(24, 8, portMod, "1.4") },
  table_mod: { number: 17, layout: inSteps(8, 8, tableMod, "1.4") },
  barrier_request: { number: 20, layout: exactly(0, empty, "1.1") },
  barrier_reply: { number: 21, layout: exactly(0, empty, "1.1") },
  role_request: { number: 24, layout: exactly(16, roleMessage, "1.2") },
  role_reply: { number: 25, layout: exactly(16, roleMessage, "1.2") },
  get_async_request: { number: 26, layout: exactly(0, empty, "1.3") },
  get_async_reply: { number: 27, layout: inSteps(0, 8, asyncConfig, "1.4") },
  set_async: { number: 28, layout: inSteps(0, 8, asyncConfig, "1.4") },
  meter_mod: { number: 29, layout: inSteps(8, 8, meterMod, "1.3") },
  role_status: { number: 30, layout: inSteps(16, 8, roleStatus, "1.4") },
  table_status: { number: 31, layout: inSteps(8, 8, tableStatus, "1.4") },
  requestforward: { number: 32, layout: inSteps(8, 8, requestforward, "1.4") },
  bundle_control: { number: 33, layout: inSteps(8, 8, bundleControl, "1.4") },
  bundle_add: { number: 34, name: "OFPT_BUNDLE_ADD_MESSAGE", layout: atLeast(8, bundleAdd, "1.4") },
  nxt_role_request: nicira(10, exactly(4, nxRole, "1.0")),
  nxt_role_reply: nicira(11, exactly(4, nxRole, "1.0")),
  nxt_flow_mod: nicira(13, inSteps(32, 8, nxFlowMod, "1.1")),
  nxt_flow_removed: nicira(14, inSteps(40, 8, nxFlowRemoved, "1.0")),
  nxt_flow_mod_table_id: nicira(15, exactly(8, flowModTableId, "1.0")),
  nxt_set_packet_in_format: nicira(16, exactly(4, setPacketInFormat, "1.0")),
  nxt_packet_in: nicira(17, atLeast(24, nxPacketIn, "1.0")),
  nxt_flow_age: nicira(18, exactly(0, empty, "1.0")),
  nxt_set_async_config: nicira(19, exactly(24, nxAsyncConfig, "1.0")),
  nxt_set_controller_id: nicira(20, exactly(8, controllerId, "1.0")),
  nxt_tlv_table_mod: nicira(24, inSteps(8, 8, tlvTableMod, "1.0")),
  nxt_tlv_table_request: nicira(25, exactly(0, empty, "1.0")),
  nxt_tlv_table_reply: nicira(26, inSteps(16, 8, tlvTableReply, "1.0")),
  nxt_resume: nicira(28, inSteps(0, 8, packetIn2, "1.0")),
  nxt_ct_flush_zone: nicira(29, exactly(8, ctFlushZone, "1.0")),
  nxt_packet_in2: nicira(30, inSteps(0, 8, packetIn2, "1.0")),
  nxt_ct_flush: nicira(32, inSteps(8, 8, ctFlush, "1.0")),
} as const satisfies Readonly<Record<string, Entry>>;

interface Entry {
  readonly number: number;
  readonly experimenter?: number;
  /** What ovs-ofctl calls it, where that is not OFPT_ or nothing and the type in capitals. */
  readonly name?: string;
  readonly layout: Layout<unknown>;
}

function nicira<T>(number: number, layout: Layout<T>) {
  return { number, experimenter: NICIRA, layout };
}

type Messages = typeof MESSAGES;
type Body<T extends keyof Messages> = Messages[T]["layout"] extends Layout<infer V> ? V : never;

/** Any OpenFlow 1.5 message, without its header. What is not known is kept as bytes. */
export type Message =
  | { [T in keyof Messages]: { readonly type: T } & Body<T> }[keyof Messages]
  | ({ readonly type: "multipart_request" } & MultipartRequest)
  | ({ readonly type: "multipart_reply" } & MultipartReply)
  | {
      readonly type: "experimenter";
      readonly experimenter: number;
      readonly experimenterType: number;
      readonly data: Uint8Array;
    }
  | { readonly type: "unknown"; readonly number: number; readonly data: Uint8Array };
export type MessageType = Message["type"];
export type MessageOf<T extends MessageType> = Extract<Message, { readonly type: T }>;

const VERSION = OPENFLOW_VERSION["1.5"];
const OFPT_EXPERIMENTER = 4;

/** Appends one message; its length is patched in at the end. */
export function encodeInto(w: Writer, message: Message, xid: number): void {
  const start = w.offset;
  w.u8(VERSION);
  w.u8(numberOf(message));
  w.u16(0);
  w.u32(xid);
  encodeBody(w, message);
  const length = w.offset - start;
  if (length > 0xffff) throw new EncodeError(`${message.type} takes ${length} bytes; a message has at most 65535`);
  w.patch16(start + 2, length);
}

function numberOf(message: Message): number {
  switch (message.type) {
    case "unknown":
      return message.number;
    case "multipart_request":
      return multipartNumber(VERSION, "request");
    case "multipart_reply":
      return multipartNumber(VERSION, "reply");
    case "experimenter":
      return OFPT_EXPERIMENTER;
    default: {
      const entry: Entry = MESSAGES[message.type];
      return entry.experimenter === undefined ? entry.number : OFPT_EXPERIMENTER;
    }
  }
}

function encodeBody(w: Writer, message: Message): void {
  switch (message.type) {
    case "unknown":
      w.raw(message.data);
      break;
    case "multipart_request":
      encodePart(w, "request", message);
      break;
    case "multipart_reply":
      encodePart(w, "reply", message);
      break;
    case "experimenter":
      experimenter.encode(w, message);
      break;
    default:
      encodeEntry(w, MESSAGES[message.type], message);
  }
}

function encodeEntry(w: Writer, { number, experimenter: id, layout }: Entry, message: Message): void {
  if (id !== undefined) {
    w.u32(id);
    w.u32(number);
  }
  layout.body.encode(w, message);
}

export function encode(message: Message, xid: number): Uint8Array {
  const w = new Writer();
  encodeInto(w, message, xid);
  return w.finish();
}

/** How one kind of message stands on the wire of one version. */
export interface Format extends Lengths {
  /** What ovs-ofctl calls it. */
  readonly name: string;
  /** What errors call it. */
  readonly path: string;
  read(r: Reader, identity: Identity): Message;
}

const ANY_VERSION = 0;
const formats: ReadonlyMap<string, Format> = new Map([...messageFormats(), ...partFormats(), ...olderFormats()]);

type Keyed = readonly [key: string, format: Format];

function* messageFormats(): Generator<Keyed> {
  for (const [type, { number, experimenter: id, name, layout }] of Object.entries<Entry>(MESSAGES))
    yield* messageFormat(type, layout, {
      name: name ?? `${id === undefined ? "OFPT_" : ""}${type.toUpperCase()}`,
      versions: versionsOf(layout),
      number,
      ...(id === undefined ? {} : { experimenter: id }),
    });
  for (const { type, ...alias } of MESSAGE_ALIASES) yield* messageFormat(type, MESSAGES[type].layout, alias);
}

function* messageFormat(type: string, layout: Layout<unknown>, { name, versions, ...place }: Alias): Generator<Keyed> {
  const { least, multiple, body } = layout;
  const read: Format["read"] = (r) => decodeTyped(body, type, r) as Message;
  for (const version of versions)
    yield [identityKey({ version, ...placeOf(place) }), { name, path: type, least, multiple, read }];
}

function* partFormats(): Generator<Keyed> {
  for (const side of ["request", "reply"] as const) {
    for (const [kind, { number, experimenter: id, name, ...sides }] of Object.entries<Kind>(KINDS))
      yield* partFormat(kind, side, sides[side], {
        name: `${id === undefined ? "OFPST" : "NXST"}_${name}`,
        versions: versionsOf(sides[side]),
        number,
        ...(id === undefined ? {} : { experimenter: id }),
      });
    for (const { kind, ...alias } of PART_ALIASES)
      if (!("side" in alias) || alias.side === side) yield* partFormat(kind, side, KINDS[kind][side], alias);
  }
}

function* partFormat(kind: string, side: Side, layout: Layout<unknown>, alias: Alias): Generator<Keyed> {
  const { least, multiple, body } = layout;
  const type = `multipart_${side}`;
  const read: Format["read"] = (r, { part }) =>
    ({ type, kind, more: hasMore(part), body: body.decode(r) }) as unknown as Message;
  const format = { name: `${alias.name} ${side}`, path: `${type}.${kind}`, least, multiple, read };
  for (const version of alias.versions) yield [identityKey({ version, ...partPlace(version, side, alias) }), format];
}

function* olderFormats(): Generator<Keyed> {
  for (const { name, versions, side, least, multiple, read, ...place } of OLDER_FORMATS) {
    const format: Format = { name, path: name, least, multiple, read: (r, { part }) => read(r, hasMore(part)) };
    for (const version of versions)
      yield [
        identityKey({ version, ...(side === undefined ? placeOf(place) : partPlace(version, side, place)) }),
        format,
      ];
  }
}

function placeOf({ number, experimenter: id }: Pick<Alias, "number" | "experimenter">) {
  return id === undefined ? { number } : { number: OFPT_EXPERIMENTER, experimenter: { id, type: number } };
}

function partPlace(version: number, side: Side, kind: Pick<Alias, "number" | "experimenter">) {
  return { number: multipartNumber(version, side), ...partOf(kind) };
}

function versionsOf({ since }: Layout<unknown>): readonly number[] {
  if (since === "all") return [ANY_VERSION];
  return Object.values(OPENFLOW_VERSION).filter((version) => version >= OPENFLOW_VERSION[since]);
}

/** Most messages are told by two bytes of their header. */
const plainFormats = new Map<number, Format>();
for (let version = ANY_VERSION; version <= VERSION; version++)
  for (let number = 0; number < 256; number++) {
    const format = formats.get(identityKey({ version, number }));
    if (format !== undefined) plainFormats.set(version * 256 + number, format);
  }

/** Undefined for what Open vSwitch does not know in that version. */
export function findFormat(identity: Identity): Format | undefined {
  if (identity.part === undefined && identity.experimenter === undefined) {
    const { version, number } = identity;
    return plainFormats.get(version * 256 + number) ?? plainFormats.get(ANY_VERSION * 256 + number);
  }
  return formats.get(identityKey(identity)) ?? formats.get(identityKey({ ...identity, version: ANY_VERSION }));
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
  const header = readHeader(r);
  const { version, xid, length } = header;
  if (length < HEADER_SIZE) r.fail(`message length ${length}; at least 8 is expected`);
  const outer = r.version;
  r.version = version;
  const end = r.narrow(length - HEADER_SIZE);
  const message = readMessage(r, header);
  r.widen(end);
  r.version = outer;
  return { version, xid, message };
}

function readMessage(r: Reader, header: Header): Message {
  const start = r.offset;
  const identity = identify(r, header);
  const format = findFormat(identity);
  if (format !== undefined) return readKnown(r, format, identity);
  r.offset = start;
  return keepUnknown(r, identity);
}

function readKnown(r: Reader, format: Format, identity: Identity): Message {
  r.enter(format.path);
  if (!fits(format, r.left)) r.fail(`${r.left} bytes are no length that it may have`, "OFPBRC_BAD_LEN");
  const message = format.read(r, identity);
  r.leave();
  return message;
}

function keepUnknown(r: Reader, { number, part, experimenter: owner }: Identity): Message {
  if (part !== undefined) {
    r.skip(8);
    const type = `multipart_${part.side}` as const;
    return { type, kind: "unknown", number: part.number, more: hasMore(part), body: r.raw(r.left) };
  }
  if (owner !== undefined) return { type: "experimenter", ...experimenter.decode(r) };
  return { type: "unknown", number, data: r.raw(r.left) };
}
