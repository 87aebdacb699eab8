import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { CniError } from "./cni-error.ts";
import { encodeAnswer, type Frame, parseFrame } from "./frame.ts";
import type { Plugger } from "./plugger.ts";
import { answerVersion, CNI_VERSIONS, type CniRequest, parseRequest } from "./request.ts";
import { formatFailure, formatResult } from "./result.ts";

export interface CniServerOptions {
  readonly socket: string;
  readonly plugger: Plugger;
  readonly log: Log;
  /** After each call: its CNI error number, 0 for success, and how long it took. */
  onCall?(command: string, code: number, seconds: number): void;
}

export interface CniServer {
  /** No further calls; resolves when those in progress are answered. */
  close(): Promise<void>;
}

/** Cleans up after a crash, then listens where the CNI executable looks. */
export async function startCniServer(options: CniServerOptions): Promise<CniServer> {
  const { socket, plugger } = options;
  await plugger.recover();
  await mkdir(dirname(socket), { recursive: true });
  // The node process is alone on its node: a socket here is of one that has ended.
  await rm(socket, { force: true });
  const server = createServer({ allowHalfOpen: true }, (connection) => serve(connection, options));
  await listen(server, socket);
  await chmod(socket, 0o600);
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function serve(connection: Socket, options: CniServerOptions): void {
  let bytes: Buffer = Buffer.alloc(0);
  // A runtime that gives up ends its executable; the call goes on, and a DEL follows.
  connection.on("error", (error) => options.log.debug("a CNI call ended early", { reason: error.message }));
  connection.on("data", function receive(chunk: Buffer) {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const frame = parseFrame(bytes);
    if (frame === undefined) return;
    connection.removeListener("data", receive);
    connection.resume();
    if (typeof frame === "string") {
      connection.end(encodeAnswer(1, formatFailure("1.1.0", new CniError("io", frame))));
      return;
    }
    // Never rejects: every failure is an answer.
    void answer(frame, options).then((reply) => connection.end(reply));
  });
}

async function answer(frame: Frame, { plugger, log, onCall }: CniServerOptions): Promise<Buffer> {
  const started = performance.now();
  const command = frame.environment.get("CNI_COMMAND") ?? "";
  const fields = { command, container: frame.environment.get("CNI_CONTAINERID") };
  const took = (): number => Math.round((performance.now() - started) * 10) / 10;
  try {
    const output = await execute(parseRequest(frame), plugger);
    onCall?.(command, 0, took() / 1000);
    if (command !== "STATUS") log.info("CNI call", { ...fields, milliseconds: took() });
    return encodeAnswer(0, output);
  } catch (error) {
    onCall?.(command, error instanceof CniError ? error.number : 999, took() / 1000);
    const hint = error instanceof CniError ? error.hint : undefined;
    log.warn("CNI call failed", { ...fields, milliseconds: took(), error: describeError(error), hint });
    return encodeAnswer(1, formatFailure(answerVersion(frame.input), error));
  }
}

async function execute(request: CniRequest, plugger: Plugger): Promise<string> {
  switch (request.command) {
    case "ADD": {
      const { port, cidrs, mtu } = await plugger.add(request);
      return formatResult(request.version, port, cidrs, mtu);
    }
    case "DEL":
      await plugger.delete(request);
      return "";
    case "CHECK":
      await plugger.check(request);
      return "";
    case "GC":
      await plugger.collect(request.valid);
      return "";
    case "STATUS":
      plugger.status();
      return "";
    case "VERSION":
      return JSON.stringify({ cniVersion: request.version, supportedVersions: CNI_VERSIONS });
    default:
      return request satisfies never;
  }
}
