/**
 * One JSON-RPC 1.0 session over one stream (RFC 7047 section 4): requests matched by id, echo both ways, an inactivity
 * deadline. Once closed it stays closed: everything in flight rejects, nothing more is written or delivered.
 */
import type { Duplex } from "node:stream";
import { describeError } from "#base/errors.ts";
import { errorCodeOf, OvsdbError } from "#ovsdb/error.ts";
import { createFramer } from "#ovsdb/framing.ts";
import { printJson } from "#ovsdb/json-text.ts";
import { isJsonObject, type Json, type JsonObject, malformed } from "#ovsdb/notation.ts";
import { createSender, type Sender } from "#ovsdb/rpc-sender.ts";

export interface SessionOptions {
  readonly remote: string;
  /** Milliseconds of silence before an echo request; three times as long ends the session. 0: never. */
  readonly inactivityProbe: number;
  /** Bytes of the longest message that is taken. */
  readonly messageLimit?: number | undefined;
  /** Called in the order of arrival, between the replies. */
  onNotification(method: string, params: readonly Json[]): void;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the result before any message behind it is looked at; the promise resolves only later. */
  onResult?(result: Json): void;
}

export interface RpcSession {
  readonly closed: Promise<Error | undefined>;
  /**
   * Resolves with the result; rejects with the server's error as an OvsdbError. When the connection goes first, with
   * E_OVSDB_CLOSED, whose `details.uncertain` is false where the request never left this process.
   */
  request(method: string, params: readonly Json[], options?: RequestOptions): Promise<Json>;
  /** Resolves while little is waiting to be written, or when the session has ended. */
  whenWritable(): Promise<void>;
  /** With a reason it counts as a failure, and `closed` tells it. */
  close(reason?: Error): void;
}

interface Pending {
  readonly method: string;
  /** Handed to the stream: from now on the server may act on it. */
  sent: boolean;
  resolve(result: Json): void;
  reject(error: unknown): void;
}

/** Of our answers to a server that asks and does not read. */
const ANSWER_LIMIT = 1 << 20;

export function createSession(stream: Duplex, options: SessionOptions): RpcSession {
  return new Session(stream, options);
}

class Session implements RpcSession {
  readonly closed: Promise<Error | undefined>;
  readonly #stream: Duplex;
  readonly #sender: Sender;
  readonly #options: SessionOptions;
  readonly #framer: ReturnType<typeof createFramer>;
  readonly #pending = new Map<number, Pending>();
  readonly #settleClosed: (reason: Error | undefined) => void;
  #lastId = 0;
  #ended: { readonly reason: Error | undefined } | undefined;
  #unreadAnswers = 0;
  #lastHeard = performance.now();
  #probing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Duplex, options: SessionOptions) {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    this.#settleClosed = resolve;
    this.#stream = stream;
    this.#sender = createSender(stream);
    this.#framer = createFramer(options.messageLimit);
    this.#options = options;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (error: Error) => this.#end(error));
    stream.on("end", () => this.#end(new Error("the server closed the connection")));
    stream.on("close", () => this.#end(new Error("the connection was closed")));
    if (options.inactivityProbe > 0) this.#schedule(options.inactivityProbe);
  }

  request(method: string, params: readonly Json[], options: RequestOptions = {}): Promise<Json> {
    const { signal, onResult } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#ended !== undefined) return Promise.reject(this.#goneError(this.#ended.reason, method, false));
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    const id = ++this.#lastId;
    const onAbort = () => this.#abandon(id, signal?.reason);
    const settle = () => signal?.removeEventListener("abort", onAbort);
    const pending: Pending = {
      method,
      sent: false,
      resolve: (result) => {
        settle();
        onResult?.(result);
        resolve(result);
      },
      reject: (error) => {
        settle();
        reject(error);
      },
    };
    const text = printJson({ method, params, id });
    this.#pending.set(id, pending);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#sender.send(text, () => {
      pending.sent = this.#pending.has(id);
      return pending.sent;
    });
    return promise;
  }

  whenWritable(): Promise<void> {
    return this.#sender.whenWritable();
  }

  close(reason?: Error): void {
    this.#end(reason);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#lastHeard = performance.now();
    this.#probing = false;
    let messages: JsonObject[];
    try {
      messages = this.#framer.push(chunk);
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    for (const message of messages) {
      if (this.#ended !== undefined) return;
      this.#dispatch(message);
    }
  }

  #dispatch(message: JsonObject): void {
    const { method, params, id } = message;
    if (typeof method === "string" && Array.isArray(params)) {
      if (id === null || id === undefined) this.#options.onNotification(method, params);
      else this.#answer(method, params, id);
    } else if (typeof id === "number" && ("result" in message || "error" in message)) this.#settle(id, message);
    else this.#end(malformed("a JSON-RPC request, notification or reply", message));
  }

  #answer(method: string, params: Json, id: Json): void {
    const answer =
      method === "echo"
        ? { result: params, error: null, id }
        : { result: null, error: { error: "unknown method", details: method }, id };
    const text = printJson(answer);
    this.#unreadAnswers += text.length;
    if (this.#unreadAnswers > ANSWER_LIMIT) {
      this.#end(new OvsdbError("E_OVSDB_PROTOCOL", "the server asks on and on, and does not read our answers"));
      return;
    }
    this.#sender.send(text, undefined, () => {
      this.#unreadAnswers -= text.length;
    });
  }

  #settle(id: number, message: JsonObject): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || !pending.sent) {
      // Of an aborted request, whose reply may come or not (ovsdb-server gives none to what it cancelled).
      const known = Number.isInteger(id) && id >= 1 && id <= this.#lastId;
      if (!known || pending !== undefined) this.#end(malformed("a reply to one of our requests", message));
      return;
    }
    this.#pending.delete(id);
    const error = message["error"];
    if (error === null || error === undefined) pending.resolve(message["result"] ?? null);
    else pending.reject(rpcError(pending.method, error));
  }

  #abandon(id: number, reason: unknown): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    // RFC 7047 section 4.1.4: only a transaction can be cancelled; other requests are answered at once anyway.
    if (pending.sent && pending.method === "transact") {
      this.#sender.send(printJson({ method: "cancel", params: [id], id: null }));
    }
    pending.reject(reason);
  }

  #end(reason: Error | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    clearTimeout(this.#timer);
    this.#sender.end();
    this.#stream.destroy();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#settleClosed(reason === undefined || reason instanceof OvsdbError ? reason : this.#lostError(reason));
    for (const { method, sent, reject } of pending) reject(this.#goneError(reason, method, sent));
  }

  #lostError(reason: Error): OvsdbError {
    const { remote } = this.#options;
    const message = `the connection to ${remote} is gone: ${describeError(reason)}`;
    return new OvsdbError("E_OVSDB_CLOSED", message, { remote }, reason);
  }

  /** Callers see E_OVSDB_CLOSED whatever ended the session; the cause says what it was. */
  #goneError(reason: Error | undefined, method: string, sent: boolean): OvsdbError {
    const { remote } = this.#options;
    const why = reason === undefined ? "it was closed here" : describeError(reason);
    const fate = sent ? "was sent and may have been carried out" : "was not sent";
    const message = `the connection to ${remote} is gone: ${why}; ${method} ${fate}`;
    return new OvsdbError("E_OVSDB_CLOSED", message, { remote, method, uncertain: sent }, reason);
  }

  #schedule(delay: number): void {
    this.#timer = setTimeout(() => this.#probe(), delay);
    this.#timer.unref();
  }

  #probe(): void {
    const probe = this.#options.inactivityProbe;
    const silence = performance.now() - this.#lastHeard;
    if (silence >= 3 * probe && this.#probing) {
      // After a stall of this very process the answer may lie unread in the socket: look there first.
      setImmediate(() => {
        if (this.#ended !== undefined) return;
        if (this.#probing) this.#end(this.#inactive(silence));
        else this.#schedule(probe);
      });
      return;
    }
    if (silence >= probe && !this.#probing) {
      this.#probing = true;
      this.request("echo", []).catch(() => {}); // only its arrival matters
    }
    this.#schedule(this.#probing ? Math.max(3 * probe - silence, probe) : probe - silence);
  }

  #inactive(silence: number): OvsdbError {
    const { remote } = this.#options;
    return new OvsdbError("E_OVSDB_INACTIVE", `${remote} has been silent for ${Math.round(silence)} ms`, { remote });
  }
}

/** JSON-RPC's `error`: ovsdb-server gives an object with error and details, or a bare string ("canceled"). */
function rpcError(method: string, json: Json): OvsdbError {
  const error = isJsonObject(json) ? json["error"] : json;
  const serverDetails = isJsonObject(json) ? json["details"] : undefined;
  const word = typeof error === "string" ? error : printJson(error ?? null);
  const tail = typeof serverDetails === "string" ? `: ${serverDetails}` : "";
  return new OvsdbError(errorCodeOf(word), `${method} refused: ${word}${tail}`, { method, error: word, serverDetails });
}
