import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { describeError, WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";

export interface Reply {
  readonly status?: number;
  readonly type: string;
  /** Chunks are written as the reader takes them. */
  readonly body: string | Iterable<string> | AsyncIterable<string>;
}

/** The signal comes when the reader has gone, or has all. */
export type Handler = (query: URLSearchParams, signal: AbortSignal) => Reply | Promise<Reply>;

/** A request that cannot be answered as it is put. */
export class RequestError extends WeirError {
  readonly status: number;

  constructor(status: number, message: string) {
    super("E_REQUEST", message, { status });
    this.status = status;
  }
}

export function json(value: unknown, status = 200): Reply {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

/** One JSON value a line, made while it is sent. */
export function jsonLines(values: Iterable<unknown>): Reply {
  return { type: "application/x-ndjson", body: chunksOf(values) };
}

/** The same of values that come in their own time: each is sent at once. */
export function jsonLinesAsTheyCome(values: AsyncIterable<unknown>): Reply {
  return { type: "application/x-ndjson", body: linesOf(values) };
}

async function* linesOf(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

function* chunksOf(values: Iterable<unknown>): Generator<string> {
  let chunk = "";
  for (const value of values) {
    chunk += `${JSON.stringify(value)}\n`;
    if (chunk.length < 32_768) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

/** Answers GET and HEAD by path; an error is JSON: {"error": {"code", "message"}}. */
export function createListener(routes: Readonly<Record<string, Handler>>, log: Log): RequestListener {
  return (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    answer(routes, request, gone.signal)
      .catch((error: unknown) => errorReply(error, request, log))
      .then((reply) => send(reply, request, response))
      .catch((error: unknown) => {
        // The reader went away, or a value could not be made half-way: the status line is out, so cutting is all that is left.
        log.debug("a reply ended early", { path: request.url, error });
        response.destroy();
      });
  };
}

async function answer(
  routes: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Reply> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const handler = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (handler === undefined) {
    throw new RequestError(404, `there is no ${url.pathname}; there are ${Object.keys(routes).join(", ")}`);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new RequestError(405, `${url.pathname} takes GET, not ${request.method ?? "nothing"}`);
  }
  return handler(url.searchParams, signal);
}

function errorReply(error: unknown, request: IncomingMessage, log: Log): Reply {
  if (!(error instanceof RequestError)) log.warn("a request failed", { path: request.url, error });
  const status = error instanceof RequestError ? error.status : 500;
  const code = error instanceof WeirError ? error.code : "E_INTERNAL";
  return json({ error: { code, message: describeError(error) } }, status);
}

async function send(reply: Reply, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(reply.status ?? 200, { "content-type": reply.type, "cache-control": "no-store" });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  // The head goes out at once, for what follows may take its time.
  response.flushHeaders();
  for await (const chunk of typeof reply.body === "string" ? [reply.body] : reply.body) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await whenWritable(response);
  }
  response.end();
}

function whenWritable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}
