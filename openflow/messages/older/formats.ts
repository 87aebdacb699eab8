import type { Reader } from "#openflow/wire/reader.ts";
import { OPENFLOW_VERSION } from "../handshake.ts";
import type { Side } from "../identity.ts";
import type { VersionName } from "../layout.ts";
import type { Message } from "../message.ts";
import type { MultipartKind, MultipartReply, MultipartRequest } from "../multipart.ts";

/**
 * A message as older versions have it, in the words of OpenFlow 1.5: it is read, and never written. Where a version has one
 * that 1.5 lacks, such as OFPT_QUEUE_GET_CONFIG_REQUEST, it becomes the one that took its place.
 */
export interface OlderFormat {
  /** What ovs-ofctl calls it. */
  readonly name: string;
  readonly versions: readonly number[];
  /** The number of its type, of its multipart type or of the experimenter's. */
  readonly number: number;
  readonly side?: Side;
  readonly experimenter?: number;
  readonly least: number;
  readonly multiple: number;
  read(r: Reader, more: boolean): Message;
}

export const ONF = 0x4f4e_4600;

/** The lengths that a body may have, as in layout.ts. */
export type Lengths = readonly [least: number, multiple: number];

interface Place {
  readonly name: string;
  readonly number: number;
  readonly experimenter?: number;
}

export function between(first: VersionName, last: VersionName): readonly number[] {
  const all = Object.values(OPENFLOW_VERSION);
  return all.filter((version) => version >= OPENFLOW_VERSION[first] && version <= OPENFLOW_VERSION[last]);
}

export function older(
  versions: readonly number[],
  place: Place,
  [least, multiple]: Lengths,
  read: (r: Reader) => Message,
): OlderFormat {
  return { ...place, versions, least, multiple, read };
}

type RequestBody<K extends MultipartKind> = Extract<MultipartRequest, { readonly kind: K }>["body"];
type ReplyBody<K extends MultipartKind> = Extract<MultipartReply, { readonly kind: K }>["body"];

/** Requests and replies of one multipart kind; `place` has the name that both share. */
export function olderRequest<K extends MultipartKind>(
  versions: readonly number[],
  place: Place,
  [least, multiple]: Lengths,
  kind: K,
  read: (r: Reader) => RequestBody<K>,
): OlderFormat {
  const wrap = (r: Reader, more: boolean) => ({ type: "multipart_request", kind, more, body: read(r) }) as const;
  // TypeScript does not see that a kind and its own body are one of the union.
  const name = `${place.name} request`;
  return {
    ...place,
    name,
    side: "request",
    versions,
    least,
    multiple,
    read: (r, more) => wrap(r, more) as unknown as Message,
  };
}

export function olderReply<K extends MultipartKind>(
  versions: readonly number[],
  place: Place,
  [least, multiple]: Lengths,
  kind: K,
  read: (r: Reader) => ReplyBody<K>,
): OlderFormat {
  const wrap = (r: Reader, more: boolean) => ({ type: "multipart_reply", kind, more, body: read(r) }) as const;
  const name = `${place.name} reply`;
  return {
    ...place,
    name,
    side: "reply",
    versions,
    least,
    multiple,
    read: (r, more) => wrap(r, more) as unknown as Message,
  };
}

/** Items up to the end of what is read. */
export function readList<T>(r: Reader, name: string, read: (r: Reader) => T): readonly T[] {
  const items: T[] = [];
  while (r.left > 0) items.push(r.within(`${name}[${items.length}]`, () => read(r)));
  return items;
}
