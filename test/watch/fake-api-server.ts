import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Access } from "#controller/watch/access/access.ts";
import { isRecord, keyOf, readPath } from "#controller/watch/kinds.ts";

export interface FakeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** In a row of answers: this one as an API server gives it. */
export const asUsual = undefined;
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Change {
  readonly version: number;
  readonly before: FakeObject | undefined;
  readonly after: FakeObject | undefined;
}

type Selector = (object: FakeObject) => boolean;

interface Watch {
  readonly response: ServerResponse;
  /** Older changes are not sent, even when they come later. */
  readonly from: number;
  readonly wants: Selector;
}

/**
 * An API server of one collection, as far as a reflector can tell: lists in pages, streamed lists, watches from a version,
 * field selectors, compaction. It misbehaves on command.
 */
export class FakeApiServer {
  readonly #objects = new Map<string, FakeObject>();
  readonly #server = createServer((request, response) => this.#serve(request, response));
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Watch>();
  readonly #answers: (Answer | typeof asUsual)[] = [];
  #changes: Change[] = [];
  /** The pages that follow, by continue token. */
  #pages = new Map<string, { readonly version: number; readonly rest: readonly FakeObject[] }>();
  #version = 100;
  #oldest = 0;
  #port = 0;
  /** Whether it takes sendInitialEvents. */
  streamsLists: boolean;
  /** Refuses everything, as RBAC does. */
  forbidden = false;
  /** Knows no such collection. */
  missing = false;
  /** The query of each request, as it came. */
  readonly queries: URLSearchParams[] = [];

  private constructor(streamsLists: boolean) {
    this.streamsLists = streamsLists;
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(streamsLists = true): Promise<FakeApiServer> {
    const server = new FakeApiServer(streamsLists);
    await server.listen();
    return server;
  }

  get access(): Access {
    return { server: `http://127.0.0.1:${this.#port}`, credentials: async () => ({ headers: {}, tls: {} }) };
  }

  get version(): string {
    return String(this.#version);
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** How each request asked: "stream", "watch" from a version, "list" or "page" after a list. */
  get modes(): string[] {
    return this.queries.map((query) => {
      if (query.has("sendInitialEvents")) return "stream";
      if (query.get("watch") === "true") return "watch";
      return query.has("continue") ? "page" : "list";
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** As when the process is killed: every connection breaks, and nobody listens. */
  async kill(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  put(object: FakeObject): void {
    const key = keyOf(object) ?? "";
    this.#version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: this.version } };
    this.#record({ version: this.#version, before: this.#objects.get(key), after: stored });
    this.#objects.set(key, stored);
  }

  remove(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#version++;
    this.#objects.delete(key);
    this.#record({ version: this.#version, before, after: undefined });
  }

  /** Forgets the past: whoever resumes from before, or holds a continue token, is told 410. */
  compact(): void {
    this.#oldest = this.#version;
    this.#changes = [];
    this.#pages.clear();
  }

  /** Time goes back, as when etcd is restored from a backup: objects as they are, versions far below those given out. */
  restoreBackup(): void {
    this.cut();
    this.#version = 10;
    this.#oldest = 0;
    this.#changes = [];
    for (const [key, object] of this.#objects)
      this.#objects.set(key, { ...object, metadata: { ...object.metadata, resourceVersion: "10" } });
  }

  /** The next requests are answered so, one after another. */
  answerNext(...answers: readonly (Answer | typeof asUsual)[]): void {
    this.#answers.push(...answers);
  }

  bookmark(): void {
    for (const { response } of this.#watches)
      response.write(line("BOOKMARK", { metadata: { resourceVersion: this.version } }));
  }

  /** Into every open watch, as it is. */
  write(text: string): void {
    for (const { response } of this.#watches) response.write(text);
  }

  writeBytes(bytes: Uint8Array): void {
    for (const { response } of this.#watches) response.write(bytes);
  }

  /** As at the end of timeoutSeconds. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Watches stay open, and nothing comes on them any more. */
  freeze(): void {
    this.#watches.clear();
  }

  /** Breaks every connection. */
  cut(): void {
    this.#watches.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams: query } = new URL(request.url ?? "/", "http://fake");
    this.queries.push(query);
    response.setHeader("content-type", "application/json");
    const answer = this.#answers.shift() ?? this.#refusal() ?? this.#answer(query);
    answer(request, response);
  }

  #refusal(): Answer | undefined {
    if (this.missing) return sendText("404 page not found\n", 404);
    return this.forbidden ? sendStatus(403, "Forbidden") : undefined;
  }

  #answer(query: URLSearchParams): Answer {
    const wants = selector(query.get("fieldSelector"));
    if (query.get("watch") !== "true") return this.#list(query, wants);
    return query.has("sendInitialEvents") ? this.#stream(query, wants) : this.#watch(query, wants);
  }

  #list(query: URLSearchParams, wants: Selector): Answer {
    const token = query.get("continue");
    const page = token === null ? undefined : this.#pages.get(token);
    if (token !== null && page === undefined) return sendStatus(410, "Expired");
    const { version, rest } = page ?? { version: this.#version, rest: [...this.#objects.values()].filter(wants) };
    // Version 0 is answered from memory, whatever the limit.
    const limit = query.get("resourceVersion") === "0" ? rest.length : Number(query.get("limit") ?? rest.length);
    const metadata: Record<string, string> = { resourceVersion: String(version) };
    if (rest.length > limit) {
      metadata["continue"] = `token-${this.#pages.size + 1}-of-${version}`;
      this.#pages.set(metadata["continue"], { version, rest: rest.slice(limit) });
    }
    return sendJson({ kind: "List", metadata, items: rest.slice(0, limit) });
  }

  #stream(query: URLSearchParams, wants: Selector): Answer {
    const isUnderstood = this.streamsLists && query.get("resourceVersionMatch") === "NotOlderThan";
    if (!isUnderstood) return sendStatus(422, "Invalid");
    const objects = [...this.#objects.values()].filter(wants).map((object) => line("ADDED", object));
    const annotations = { "k8s.io/initial-events-end": "true" };
    const end = line("BOOKMARK", { metadata: { resourceVersion: this.version, annotations } });
    return this.#open([...objects, end], this.#version, wants);
  }

  #watch(query: URLSearchParams, wants: Selector): Answer {
    const from = Number(query.get("resourceVersion"));
    if (from >= this.#oldest) {
      const missed = this.#changes.filter((change) => change.version > from).map((change) => lineOf(change, wants));
      return this.#open(missed, from, wants);
    }
    const status = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    return (_request, response) => response.end(line("ERROR", status));
  }

  #open(lines: readonly string[], from: number, wants: Selector): Answer {
    return (_request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      for (const text of lines) response.write(text);
      const watch = { response, from, wants };
      this.#watches.add(watch);
      response.once("close", () => this.#watches.delete(watch));
    };
  }

  #record(change: Change): void {
    this.#changes.push(change);
    for (const { response, from, wants } of this.#watches)
      if (change.version > from) response.write(lineOf(change, wants));
  }
}

/** An answer which refuses, as the API server words it. */
export function sendStatus(status: number, reason: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(JSON.stringify({ kind: "Status", code: status, reason, message: `${reason} says the fake` }));
  };
}

export function sendJson(body: unknown): Answer {
  return (_request, response) => response.end(JSON.stringify(body));
}

/** An answer of 200 and so much text, which then stays open. */
export function sendText(text: string, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status);
    if (status !== 200) return void response.end(text);
    response.write(text);
  };
}

export function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** What a change is to a watch with a selector: an object that leaves the selection is deleted. */
function lineOf({ version, before, after }: Change, wants: Selector): string {
  const was = before !== undefined && wants(before);
  if (after !== undefined && wants(after)) return line(was ? "MODIFIED" : "ADDED", after);
  if (!was) return "";
  return line("DELETED", { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
}

function selector(text: string | null): Selector {
  if (text === null) return () => true;
  const [field = "", value] = text.split("=");
  return (object) => isRecord(object) && readPath(object, field.split(".")) === value;
}
