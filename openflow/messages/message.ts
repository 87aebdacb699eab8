import { EncodeError } from "#openflow/errors.ts";
import { type Codec, decodeTyped } from "#openflow/wire/codec.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { bundleAddHead } from "./bundles.ts";
import { experimenter, OPENFLOW_VERSION } from "./handshake.ts";
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
import { atLeast, fits, inSteps, type Layout, type Lengths } from "./layout.ts";
import {
  encodePart,
  flagsOf,
  hasMore,
  KINDS,
  type Kind,
  type MultipartReply,
  type MultipartRequest,
  partOf,
} from "./multipart.ts";
import { type Alias, MESSAGE_ALIASES, OLDER_FORMATS, PART_ALIASES } from "./older/index.ts";
import { BODIES_OF_1_3 } from "./openflow13.ts";
import { type Entry, PLAIN_MESSAGES } from "./table.ts";

/** OFPT_BUNDLE_ADD_MESSAGE holds one whole message, whose xid is that of the outer one. */
export interface BundleAdd {
  readonly bundleId: number;
  readonly flags: number;
  readonly message: Message;
}

const bundleAdd: Codec<BundleAdd> = {
  encode(w, { bundleId, flags, message }) {
    bundleAddHead.encode(w, { bundleId, flags });
    writeMessage(w, message, w.xid);
  },
  decode: (r) => ({ ...bundleAddHead.decode(r), message: decodeWithin(r).message }),
};

/** OFPT_REQUESTFORWARD: what another controller has changed, with the xid that it gave. */
export interface Requestforward {
  readonly xid: number;
  readonly message: Message;
}

const requestforward: Codec<Requestforward> = {
  encode: (w, { xid, message }) => writeMessage(w, message, xid),
  decode(r) {
    const { xid, message } = decodeWithin(r);
    return { xid, message };
  },
};

const MESSAGES = {
  ...PLAIN_MESSAGES,
  requestforward: { number: 32, layout: inSteps(8, 8, requestforward, "1.4") },
  bundle_add: { number: 34, name: "OFPT_BUNDLE_ADD_MESSAGE", layout: atLeast(8, bundleAdd, "1.4") },
} as const satisfies Readonly<Record<string, Entry>>;

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
const ANY_VERSION = 0;
const OFPT_EXPERIMENTER = 4;

/** A version that messages are written in; older ones are read only. */
export type WireVersion = "1.3" | "1.5";

/** Appends one message; its length is patched in at the end. Throws EncodeError for what the version cannot say. */
export function encodeInto(w: Writer, message: Message, xid: number, version: WireVersion = "1.5"): void {
  w.version = OPENFLOW_VERSION[version];
  writeMessage(w, message, xid);
}

function writeMessage(w: Writer, message: Message, xid: number): void {
  const start = w.offset;
  w.xid = xid;
  w.u8(w.version);
  w.u8(numberOf(message, w.version));
  w.u16(0);
  w.u32(xid);
  encodeBody(w, message);
  const length = w.offset - start;
  if (length > 0xffff) throw new EncodeError(`${message.type} takes ${length} bytes; a message has at most 65535`);
  w.patch16(start + 2, length);
}

function numberOf(message: Message, version: number): number {
  switch (message.type) {
    case "unknown":
      return message.number;
    case "multipart_request":
      return multipartNumber(version, "request");
    case "multipart_reply":
      return multipartNumber(version, "reply");
    case "experimenter":
      return OFPT_EXPERIMENTER;
    default: {
      const { number, experimenter: id } = entryOf(message.type, version);
      return id === undefined ? number : OFPT_EXPERIMENTER;
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
      encodeEntry(w, entryOf(message.type, w.version), message);
  }
}

function encodeEntry(w: Writer, { number, experimenter: id, layout }: Entry, message: Message): void {
  if (id !== undefined) {
    w.u32(id);
    w.u32(number);
  }
  layout.body.encode(w, message);
}

/** How a version writes a message. */
function entryOf(type: keyof Messages, version: number): Entry {
  if (version === VERSION) return MESSAGES[type];
  const entry = olderEntries.get(type);
  if (entry === undefined) throw new EncodeError(`OpenFlow 1.3 has no ${type}`);
  return entry;
}

const OLDER_VERSION = OPENFLOW_VERSION["1.3"];
/** The messages of OpenFlow 1.3: as 1.5 has them, with a body of their own, or under an experimenter's number. */
const olderEntries = new Map<string, Entry>();
for (const [type, entry] of Object.entries<Entry>(MESSAGES)) {
  const encode = BODIES_OF_1_3[type];
  const alias: Alias | undefined = MESSAGE_ALIASES.find(
    (one) => one.type === type && (one.versions as readonly number[]).includes(OLDER_VERSION),
  );
  const { layout } = entry;
  if (encode !== undefined)
    olderEntries.set(type, { ...entry, layout: { ...layout, body: { ...layout.body, encode } } });
  else if (alias?.experimenter !== undefined)
    olderEntries.set(type, { ...entry, number: alias.number, experimenter: alias.experimenter });
  else if (versionsOf(layout).some((version) => version === ANY_VERSION || version === OLDER_VERSION))
    olderEntries.set(type, entry);
}

export function encode(message: Message, xid: number, version: WireVersion = "1.5"): Uint8Array {
  const w = new Writer();
  encodeInto(w, message, xid, version);
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
    ({ type, kind, ...flagsOf(part), body: body.decode(r) }) as unknown as Message;
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
    return { type, kind: "unknown", number: part.number, ...flagsOf(part), body: r.raw(r.left) };
  }
  if (owner !== undefined) return { type: "experimenter", ...experimenter.decode(r) };
  return { type: "unknown", number, data: r.raw(r.left) };
}
