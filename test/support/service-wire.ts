import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How many clients heard what: "server client-as-seen", or why they heard nothing ("ECONNREFUSED", "timeout"). */
export type Heard = Readonly<Record<string, number>>;

/** Servers and clients in many network namespaces, all in one process: see service-wire.py. */
export interface ServiceWire {
  /** Answers TCP and UDP at a port with its name and the client's address; TCP also echoes. */
  serve(name: string, netns: string, address: string, port: number): Promise<void>;
  /** So many clients, one after another, each from the source port or from any. */
  ask(
    netns: string,
    protocol: "tcp" | "udp",
    address: string,
    port: number,
    count: number,
    sourcePort?: number,
  ): Promise<Heard>;
  /** Opens a connection and keeps it; gives what the server said. */
  hold(key: string, netns: string, address: string, port: number): Promise<string>;
  /** What comes back on it. */
  talk(key: string): Promise<string>;
  hangUp(key: string): Promise<void>;
  /** Opens one connection after another from now on. */
  startLoad(key: string, netns: string, address: string, port: number): Promise<void>;
  readLoad(key: string): Promise<Heard>;
  stopLoad(key: string): Promise<Heard>;
  close(): Promise<void>;
}

export async function openServiceWire(): Promise<ServiceWire> {
  const child = spawn("python3", [join(import.meta.dirname, "service-wire.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the wire's process has ended");
    return value;
  };
  await next();
  let queue: Promise<unknown> = Promise.resolve();
  /** One at a time, in the order of the calls. */
  function call<T>(...request: readonly unknown[]): Promise<T> {
    const answer = queue.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, error }: { value?: T; error?: string } = JSON.parse(await next());
      if (error !== undefined) throw new Error(error);
      return value as T;
    });
    queue = answer.catch(() => {});
    return answer;
  }
  return {
    serve: (...words) => call("serve", ...words),
    ask: (...words) => call("ask", ...words),
    hold: (...words) => call("hold", ...words),
    talk: (key) => call("talk", key),
    hangUp: (key) => call("hang_up", key),
    startLoad: (...words) => call("start_load", ...words),
    readLoad: (key) => call("read_load", key),
    stopLoad: (key) => call("stop_load", key),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
