import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import type { Access } from "./access/access.ts";
import type { KubeRequest, KubeResponse } from "./kube-request.ts";

/** The API server, as far as a node speaks with it. */
export interface KubeClient {
  readonly server: string;
  readonly request: KubeRequest;
  /** A GET whose answer's body is read by the caller as it comes. Rejects when no answer begins before the deadline. */
  open(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage>;
}

export interface KubeClientOptions {
  /** For connection, TLS and the head of the answer; in milliseconds. */
  readonly answerDeadline?: number;
  readonly userAgent?: string;
}

/** A connection that died without a word is noticed by the system, too, after some 30 s + 8 probes. */
const KEEP_ALIVE_AFTER = 30_000;

/**
 * Speaks HTTP with the API server. Each exchange has a connection of its own: a watch holds one for minutes anyway, and a
 * pooled one that died in the meantime would cost the next exchange its deadline.
 */
export function createKubeClient(access: Access, options: KubeClientOptions = {}): KubeClient {
  const { answerDeadline = 30_000, userAgent = "weir-node" } = options;

  const send = async (
    method: string,
    url: URL,
    headers: Record<string, string>,
    body: string | undefined,
    signal: AbortSignal,
  ) => {
    const credentials = await access.credentials();
    return new Promise<IncomingMessage>((resolve, reject) => {
      const settings: RequestOptions = {
        method,
        headers: { accept: "application/json", "user-agent": userAgent, ...credentials.headers, ...headers },
        agent: credentials.agent ?? false,
        signal,
      };
      const request: ClientRequest =
        url.protocol === "http:" ? requestPlain(url, settings) : requestTls(url, { ...settings, ...credentials.tls });
      const deadline = setTimeout(() => {
        request.destroy(new Error(`no answer from ${access.server} within ${answerDeadline} ms`));
      }, answerDeadline);
      request.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_AFTER));
      request.on("error", (error) => {
        clearTimeout(deadline);
        reject(error);
      });
      request.on("response", (response) => {
        clearTimeout(deadline);
        resolve(response);
      });
      request.end(body);
    });
  };

  return {
    server: access.server,
    open: (path, query, signal) => send("GET", toUrl(access, path, query), {}, undefined, signal),
    async request(method, path, body, contentType = "application/json"): Promise<KubeResponse> {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers: Record<string, string> =
        text === undefined ? {} : { "content-type": contentType, "content-length": String(Buffer.byteLength(text)) };
      const signal = AbortSignal.timeout(answerDeadline);
      const response = await send(method, toUrl(access, path, {}), headers, text, signal);
      return { status: response.statusCode ?? 0, body: parseBody(await readBody(response)) };
    },
  };
}

function toUrl(access: Access, path: string, query: Readonly<Record<string, string>>): URL {
  const url = new URL(`${access.server}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** The whole body. `onChunk` is called as it comes, for deadlines. */
export async function readBody(response: IncomingMessage, onChunk: () => void = () => {}): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk);
    onChunk();
  }
  if (!response.complete) throw new Error("the answer broke off");
  return Buffer.concat(chunks).toString("utf8");
}

/** Parsed JSON, or undefined: a proxy in between may answer in HTML. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
