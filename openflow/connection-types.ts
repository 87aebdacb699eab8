import type { Log } from "#base/log.ts";
import type { TlsOptions } from "./address.ts";
import type { ConnectionError, OpenFlowError } from "./errors.ts";
import type { FlowDesc } from "./messages/flow-stats.ts";
import type { Message, WireVersion } from "./messages/message.ts";
import type { MultipartKind, MultipartReply, MultipartRequest } from "./messages/multipart.ts";

export interface ConnectOptions {
  /** "unix:PATH", "tcp:HOST[:PORT]" or "ssl:HOST[:PORT]", see address.ts. */
  readonly address: string;
  readonly tls?: TlsOptions;
  /** What may be spoken; of those that the switch offers too it is the highest (1.5 and 1.3). */
  readonly versions?: readonly WireVersion[];
  readonly log?: Log;
  /** Ends the attempt to connect; a connection that stands is ended by `close`. */
  readonly signal?: AbortSignal;
  /** What the switch sends without being asked: OFPT_PORT_STATUS, OFPT_PACKET_IN ... */
  readonly onMessage?: (message: Message) => void;
  /** Silence after which the switch is asked whether it lives, and again after which it is given up, in milliseconds (5,000). */
  readonly inactivity?: number;
  /** Bytes of one multipart reply, beyond which the request is rejected (1 GiB): no switch's word is worth all memory. */
  readonly multipartLimit?: number;
}

export interface RequestOptions {
  /** Stops waiting, and rejects with the signal's reason; what the switch does about the request stays. */
  readonly signal?: AbortSignal;
}

/** A message that the switch refused: its place among those sent, and why. */
export interface Refusal {
  readonly index: number;
  readonly error: OpenFlowError;
}

export type TransactionResult =
  | { readonly committed: true }
  /** Nothing of it is in force. `errors` may be empty when the switch blames no member, but `error` says why. */
  | { readonly committed: false; readonly errors: readonly Refusal[]; readonly error: OpenFlowError };

export type ReplyOf<K extends MultipartKind> = Extract<MultipartReply, { readonly kind: K }>["body"];
export type RequestOf<K extends MultipartKind> = Extract<MultipartRequest, { readonly kind: K }>["body"];

/**
 * A connection to a switch. Its life:
 *
 *     connectOpenFlow ── hello both ways ──▶ open ── close(), an error, or the switch is silent ──▶ closed
 *
 * There is no way back from closed: every call then rejects with ConnectionError, and `closed` tells why. To connect again is
 * the caller's business, for what the switch holds must be read anew.
 */
export interface OpenFlowConnection {
  /** What is spoken. In 1.3 a message that it cannot say is refused with EncodeError. */
  readonly version: WireVersion;
  /** Resolves when the connection is no more, with the reason. */
  readonly closed: Promise<ConnectionError>;
  /** Sends one message and waits for the one that answers it. Rejects with OpenFlowError when it is refused. */
  request(message: Message, options?: RequestOptions): Promise<Message>;
  /** Everything sent before has been done when it resolves. */
  barrier(options?: RequestOptions): Promise<void>;
  /** Sends messages that have no answer; resolves behind a barrier with those that were refused. */
  sendAll(messages: readonly Message[]): Promise<readonly Refusal[]>;
  /** All or nothing, in order, behind a barrier (OFPT_BUNDLE_CONTROL, atomic and ordered). */
  transaction(messages: readonly Message[]): Promise<TransactionResult>;
  /** Every part of a multipart reply, put together. */
  multipart<K extends MultipartKind>(kind: K, body: RequestOf<K>, options?: RequestOptions): Promise<ReplyOf<K>>;
  /** The flows that the filter means; all of all tables without one. */
  dumpFlows(filter?: Partial<RequestOf<"flow_desc">>): Promise<readonly FlowDesc[]>;
  close(): void;
}
