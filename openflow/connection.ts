import type { Socket } from "node:net";
import { describeError } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { openSocket } from "./address.ts";
import { collectParts } from "./collect-parts.ts";
import type {
  ConnectOptions,
  OpenFlowConnection,
  Refusal,
  ReplyOf,
  RequestOf,
  RequestOptions,
  TransactionResult,
} from "./connection-types.ts";
import { nameError } from "./error-names.ts";
import { ConnectionError, DecodeError, EncodeError, OpenFlowError } from "./errors.ts";
import { Framing } from "./framing.ts";
import { OFPG_ANY, OFPP_ANY, OFPTT_ALL } from "./messages/flow-mod.ts";
import type { FlowDesc } from "./messages/flow-stats.ts";
import { OPENFLOW_VERSION } from "./messages/handshake.ts";
import {
  type Decoded,
  decode,
  encodeInto,
  type Message,
  type MessageOf,
  type WireVersion,
} from "./messages/message.ts";
import type { MultipartKind } from "./messages/multipart.ts";
import { describeMismatch, negotiate, SPOKEN_VERSIONS } from "./negotiate.ts";
import { Writer } from "./wire/writer.ts";

export type {
  ConnectOptions,
  OpenFlowConnection,
  Refusal,
  RequestOptions,
  TransactionResult,
} from "./connection-types.ts";

/** What waits for the answer with its xid. */
interface Pending {
  /** Whether this was all of the answer. */
  resolve(message: Message, size: number): boolean;
  reject(error: unknown): void;
}

/** Messages sent in a row: an error with one of their xids is theirs. */
interface Batch {
  readonly firstXid: number;
  readonly count: number;
  readonly refusals: Refusal[];
}

const HELLO_PATIENCE = 5000;
/** Encoded messages are handed to the socket in pieces of about this size. */
const PIECE = 256 << 10;
const LARGEST_MESSAGE = 0x1_0000;
const MULTIPART_LIMIT = 1 << 30;
const BUNDLE = { openRequest: 0, commitRequest: 4, discardRequest: 6, atomic: 1, ordered: 2 } as const;

/** Connects and says hello. Rejects with ConnectionError, or with the signal's reason. */
export async function connectOpenFlow(options: ConnectOptions): Promise<OpenFlowConnection> {
  return greet(await openSocket(options.address, options.tls, options.signal), options);
}

/** Says hello over a socket that is connected, whoever opened it. */
export async function greet(socket: Socket, options: ConnectOptions): Promise<OpenFlowConnection> {
  const connection = new Connection(socket, options);
  try {
    await connection.shakeHands();
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

class Connection implements OpenFlowConnection {
  readonly closed: Promise<ConnectionError>;
  readonly #socket: Socket;
  readonly #options: ConnectOptions;
  readonly #framing = new Framing();
  readonly #pending = new Map<number, Pending>();
  readonly #batches = new Set<Batch>();
  readonly #greeted = Promise.withResolvers<void>();
  readonly #settleClosed: (reason: ConnectionError) => void;
  readonly #versions: readonly WireVersion[];
  #version: WireVersion;
  #ended: ConnectionError | undefined;
  #lastXid = 0;
  #lastBundle = 0;
  #heard = performance.now();
  #watchdog: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#versions = SPOKEN_VERSIONS.filter((version) => (options.versions ?? SPOKEN_VERSIONS).includes(version));
    this.#version = this.#versions[0] ?? "1.5";
    const { promise, resolve } = Promise.withResolvers<ConnectionError>();
    this.closed = promise;
    this.#settleClosed = resolve;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#end(new ConnectionError(`${options.address} broke`, error)));
    socket.on("close", () => this.#end(new ConnectionError(`${options.address} closed the connection`)));
  }

  get version(): WireVersion {
    return this.#version;
  }

  async shakeHands(): Promise<void> {
    const versions = this.#versions.map((version) => OPENFLOW_VERSION[version]);
    this.#send({ type: "hello", versions }, this.#takeXids(1));
    const { address, signal } = this.#options;
    const abort = (): void => this.#end(new ConnectionError(`connecting to ${address} was given up`, signal?.reason));
    const silent = (): void =>
      this.#end(new ConnectionError(`${address} did not say hello within ${HELLO_PATIENCE / 1000} s`));
    const timer = setTimeout(silent, HELLO_PATIENCE);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await this.#greeted.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
    const { inactivity = 5000 } = this.#options;
    this.#watchdog = setInterval(() => this.#checkLife(inactivity), inactivity).unref();
  }

  request(message: Message, options: RequestOptions = {}): Promise<Message> {
    return this.#ask<Message>(message, options, (settle) => (reply) => {
      settle(reply);
      return true;
    });
  }

  async barrier(options: RequestOptions = {}): Promise<void> {
    await this.request({ type: "barrier_request" }, options);
  }

  async sendAll(messages: readonly Message[]): Promise<readonly Refusal[]> {
    const batch = this.#openBatch(messages.length);
    try {
      await this.#sendMany(batch, (i) => messages[i]!);
      await this.barrier();
      return batch.refusals;
    } finally {
      this.#batches.delete(batch);
    }
  }

  async transaction(messages: readonly Message[]): Promise<TransactionResult> {
    const bundleId = ++this.#lastBundle;
    const flags = BUNDLE.atomic | BUNDLE.ordered;
    const control = (kind: number) => this.request({ type: "bundle_control", bundleId, control: kind, flags });
    const batch = this.#openBatch(messages.length);
    try {
      // A refused opening shows in every member and in the barrier behind them. What is sent together is waited for together:
      // a connection that breaks rejects all of it.
      const addAll = async (): Promise<void> => {
        await this.#sendMany(batch, (i) => ({ type: "bundle_add", bundleId, flags, message: messages[i]! }));
        await this.barrier();
      };
      const [unopened] = await Promise.all([control(BUNDLE.openRequest).then(() => undefined, asRefusal), addAll()]);
      const refused = unopened ?? batch.refusals[0]?.error;
      if (refused !== undefined) {
        await control(BUNDLE.discardRequest).catch(asRefusal);
        return { committed: false, errors: batch.refusals, error: refused };
      }
      const [failure] = await Promise.all([
        control(BUNDLE.commitRequest).then(() => undefined, asRefusal),
        this.barrier(),
      ]);
      if (failure === undefined) return { committed: true };
      return { committed: false, errors: batch.refusals, error: batch.refusals[0]?.error ?? failure };
    } catch (error) {
      // A message that cannot be written leaves a bundle that nobody will close.
      if (error instanceof EncodeError) await control(BUNDLE.discardRequest).catch(asRefusal);
      throw error;
    } finally {
      this.#batches.delete(batch);
    }
  }

  async multipart<K extends MultipartKind>(
    kind: K,
    body: RequestOf<K>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<K>> {
    // The request's kind and body belong together by this method's signature.
    const message = { type: "multipart_request", kind, body } as unknown as MessageOf<"multipart_request">;
    const { multipartLimit = MULTIPART_LIMIT } = this.#options;
    return this.#ask<ReplyOf<K>>(message, options, (settle, fail) =>
      collectParts(kind, multipartLimit, (whole) => settle(whole as ReplyOf<K>), fail),
    );
  }

  dumpFlows(filter: Partial<RequestOf<"flow_desc">> = {}): Promise<readonly FlowDesc[]> {
    return this.multipart("flow_desc", {
      ...{ table: OFPTT_ALL, outPort: OFPP_ANY, outGroup: OFPG_ANY, cookie: 0n, cookieMask: 0n, match: [] },
      ...filter,
    });
  }

  close(): void {
    this.#end(new ConnectionError(`the connection to ${this.#options.address} was closed`));
  }

  /** Registers the answer's reader before the message leaves. */
  #ask<T>(
    message: Message,
    { signal }: RequestOptions,
    reader: (settle: (value: T) => void, fail: (error: Error) => void) => Pending["resolve"],
  ): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const xid = this.#takeXids(1);
    // A reply that comes after all finds nobody, and is let go.
    const abort = (): void => {
      this.#pending.delete(xid);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#pending.set(xid, { resolve: reader(resolve, reject), reject });
    try {
      this.#send(message, xid);
    } catch (error) {
      this.#pending.delete(xid);
      reject(error);
    }
    return promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  #openBatch(count: number): Batch {
    const batch: Batch = { firstXid: this.#takeXids(count), count, refusals: [] };
    this.#batches.add(batch);
    return batch;
  }

  async #sendMany(batch: Batch, messageAt: (index: number) => Message): Promise<void> {
    let writer = new Writer(PIECE + LARGEST_MESSAGE);
    for (let i = 0; i < batch.count; i++) {
      encodeInto(writer, messageAt(i), batch.firstXid + i, this.#version);
      if (writer.offset < PIECE) continue;
      await this.#write(writer);
      writer = new Writer(PIECE + LARGEST_MESSAGE);
    }
    if (writer.offset > 0) await this.#write(writer);
  }

  #send(message: Message, xid: number): void {
    const writer = new Writer();
    encodeInto(writer, message, xid, this.#version);
    this.#socket.write(writer.written());
  }

  /** Waits while the switch is slower than we are. */
  async #write(writer: Writer): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#socket.write(writer.written())) return;
    const drained = new Promise<void>((resolve) => this.#socket.once("drain", resolve));
    const ended = await Promise.race([drained, this.closed]);
    if (ended !== undefined) throw ended;
  }

  /** The first of `count` in a row. They begin again at 1 before they leave their 32 bits; what was asked then is long done. */
  #takeXids(count: number): number {
    if (this.#lastXid + count > 0xffff_ffff) this.#lastXid = 0;
    const first = this.#lastXid + 1;
    this.#lastXid += count;
    return first;
  }

  #receive(chunk: Buffer): void {
    this.#heard = performance.now();
    try {
      for (const bytes of this.#framing.push(chunk)) {
        if (this.#ended !== undefined) return;
        const decoded = this.#decode(bytes);
        if (decoded !== undefined) this.#dispatch(decoded, bytes.length);
      }
    } catch (error) {
      this.#end(new ConnectionError(`${this.#options.address} sent what is no OpenFlow`, error));
    }
  }

  /** A message that cannot be read is the trouble of who asked for it; where the next one begins is known. */
  #decode(bytes: Uint8Array): Decoded | undefined {
    try {
      return decode(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const xid = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
      const pending = this.#pending.get(xid);
      this.#pending.delete(xid);
      pending?.reject(error);
      const log = this.#options.log ?? silentLog;
      if (pending === undefined) log.warn("a message of the switch could not be read", { reason: error.message });
      return undefined;
    }
  }

  #dispatch({ version, xid, message }: Decoded, size: number): void {
    switch (message.type) {
      case "hello":
        this.#greet(version, message);
        break;
      case "echo_request":
        this.#send({ type: "echo_reply", data: message.data }, xid);
        break;
      default:
        if (message.type !== "error" || !this.#blame(xid, message)) this.#answer(xid, message, size);
    }
  }

  #answer(xid: number, message: Message, size: number): void {
    const pending = this.#pending.get(xid);
    if (pending === undefined) this.#options.onMessage?.(message);
    else if (message.type === "error") {
      this.#pending.delete(xid);
      pending.reject(refusalOf(message, this.#version));
    } else if (pending.resolve(message, size)) this.#pending.delete(xid);
  }

  /** Whether the error is of a message in one of the batches on their way. */
  #blame(xid: number, message: MessageOf<"error">): boolean {
    for (const { firstXid, count, refusals } of this.#batches) {
      const index = xid - firstXid;
      if (index < 0 || index >= count) continue;
      refusals.push({ index, error: refusalOf(message, this.#version) });
      return true;
    }
    return false;
  }

  #greet(header: number, { versions }: MessageOf<"hello">): void {
    const common = negotiate(this.#versions, header, versions);
    if (common !== undefined) {
      this.#version = common;
      this.#greeted.resolve();
      return;
    }
    const why = describeMismatch(this.#versions, header, versions);
    this.#end(new ConnectionError(`${this.#options.address} ${why}`));
  }

  #checkLife(inactivity: number): void {
    const silence = performance.now() - this.#heard;
    if (silence > 2 * inactivity)
      this.#end(new ConnectionError(`${this.#options.address} was silent for ${Math.round(silence / 1000)} s`));
    else if (silence > inactivity / 2) this.#send({ type: "echo_request", data: new Uint8Array(0) }, this.#takeXids(1));
  }

  #end(reason: ConnectionError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    clearInterval(this.#watchdog);
    this.#socket.destroy();
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#greeted.reject(reason);
    // Nobody waits for the greeting of a connection that ends later.
    this.#greeted.promise.catch(() => {});
    (this.#options.log ?? silentLog).debug("connection to the switch ended", { reason: describeError(reason) });
    this.#settleClosed(reason);
  }
}

function refusalOf(message: MessageOf<"error">, version: WireVersion): OpenFlowError {
  const { errorType, errorCode } = message;
  const name = nameError(OPENFLOW_VERSION[version], message)?.name ?? `error type ${errorType}, code ${errorCode}`;
  return new OpenFlowError(errorType, errorCode, name);
}

/** The switch's refusal; anything else, such as the end of the connection, goes on being an error. */
function asRefusal(error: unknown): OpenFlowError {
  if (error instanceof OpenFlowError) return error;
  throw error;
}
