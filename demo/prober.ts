/**
 * Runs inside one network namespace, a pod's, a node's or the outside's: answers every TCP connection with the address it came
 * from, and on each line of stdin (a ProbeRequest) pings and connects to a fellow prober and says what it saw.
 */
import { execFile } from "node:child_process";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

export const PROBE_PORT = 18080;
/** Long enough for one lost packet: the tunnel's first to a peer may be, and TCP sends again after a second. */
const PATIENCE = 3000;

export interface ProbeRequest {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  /** Nobody answers pings to a service. */
  readonly isService: boolean;
}

export interface ProbeReply {
  readonly id: number;
  /** Round trip of the ping in milliseconds; absent when none came back. */
  readonly ping?: number;
  /** The source address that the other end saw; absent when the connection failed. */
  readonly seenAs?: string;
  readonly error?: string;
}

if (import.meta.main) {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(socket.remoteAddress?.replace(/^::ffff:/, "") ?? "");
  });
  server.listen({ port: PROBE_PORT, host: "::" }, () => process.stdout.write("listening\n"));
  const requests = createInterface({ input: process.stdin });
  requests.on("line", (line) => void answer(JSON.parse(line)));
  // Its parent is gone: nobody is left to ask.
  requests.on("close", () => process.exit(0));
}

async function answer({ id, host, port, isService }: ProbeRequest): Promise<void> {
  const [ping, tcp] = await Promise.all([isService ? undefined : sendPing(host), openConnection(host, port)]);
  const reply: ProbeReply = {
    id,
    ...(ping === undefined ? {} : { ping }),
    ...(tcp.seenAs === undefined ? {} : { seenAs: tcp.seenAs }),
    ...(tcp.error === undefined ? {} : { error: tcp.error }),
  };
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

/** Up to three pings; the first answer counts. */
async function sendPing(host: string): Promise<number | undefined> {
  const deadline = performance.now() + PATIENCE;
  for (let attempt = 0; attempt < 3 && performance.now() < deadline; attempt++) {
    const round = await new Promise<number | undefined>((resolve) =>
      execFile("ping", ["-n", "-c", "1", "-W", "1", host], (_error, output) => {
        const time = /time=([\d.]+) ms/.exec(output)?.[1];
        resolve(time === undefined ? undefined : Number(time));
      }),
    );
    if (round !== undefined) return round;
  }
  return undefined;
}

function openConnection(host: string, port: number): Promise<{ seenAs?: string; error?: string }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = "";
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("end", () => resolve({ seenAs: text }));
    socket.on("error", (error) => resolve({ error: error.message }));
  });
}
