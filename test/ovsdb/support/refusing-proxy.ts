/** Stands before a real server as an older one: what it should not know is answered "unknown method", the rest goes through. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createFramer } from "#ovsdb/framing.ts";
import { printJson } from "#ovsdb/json-text.ts";
import { refuse } from "#test/ovsdb/support/fake-server.ts";

export interface RefusingProxy {
  readonly remote: string;
  /** Methods that came, in order, refused ones too. */
  readonly asked: readonly string[];
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** `path` is a unix socket's, the server's. */
export async function startRefusingProxy(path: string, refused: readonly string[]): Promise<RefusingProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(path);
    const framer = createFramer();
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    }
    from.on("data", (chunk: Buffer) => {
      for (const message of framer.push(chunk)) {
        const method = String(message["method"]);
        asked.push(method);
        if (refused.includes(method)) from.write(printJson(refuse(message, { error: "unknown method" })));
        else to.write(printJson(message));
      }
    });
    to.pipe(from);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    remote: `tcp:127.0.0.1:${address.port}`,
    asked,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
