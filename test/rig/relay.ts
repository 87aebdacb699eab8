import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

/** Brings a TCP server of this machine's loopback into a network namespace, at an address of its own there. */
export interface Relay {
  close(): Promise<void>;
}

/** Inside of the namespace: every connection goes through a unix socket, which no network namespace hides. */
const PROGRAM = `
  const { connect, createServer } = require("node:net");
  const [path, host, port] = process.argv.slice(1);
  createServer((from) => {
    const to = connect(path);
    for (const [one, other] of [[from, to], [to, from]]) one.on("error", () => other.destroy()).on("close", () => other.destroy());
    from.pipe(to).pipe(from);
  }).listen({ host, port: Number(port) }, () => console.log("listening"));
  process.stdin.on("end", () => process.exit()).resume();`;

export async function relayInto(netns: string, path: string, host: string, port: number): Promise<Relay> {
  const server = createServer((from) => {
    const to = connect({ host: "127.0.0.1", port });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const)
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const argv = ["netns", "exec", netns, process.execPath, "-e", PROGRAM, path, host, String(port)];
  const child = spawn("ip", argv, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve) => createInterface({ input: child.stdout }).once("line", () => resolve()));
  return {
    async close() {
      child.stdin.end();
      server.close();
      await ended;
    },
  };
}
