/** A server on loopback that does what a test tells it to: for the peers that ovsdb-server never is. */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createFramer } from "#ovsdb/framing.ts";
import { printJson } from "#ovsdb/json-text.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";

export interface FakeConnection {
  readonly index: number;
  readonly socket: Socket;
  /** Everything received, in order. */
  readonly received: JsonObject[];
  send(message: Json): void;
}

export interface FakeServer {
  readonly remote: string;
  readonly connections: readonly FakeConnection[];
  close(): Promise<void>;
}

export type Answer = (message: JsonObject, connection: FakeConnection) => void;

export async function startFakeServer(answer: Answer): Promise<FakeServer> {
  const connections: FakeConnection[] = [];
  const server = createServer((socket) => {
    const framer = createFramer();
    const connection: FakeConnection = {
      index: connections.length,
      socket,
      received: [],
      send: (message) => socket.write(printJson(message)),
    };
    connections.push(connection);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const message of framer.push(chunk)) {
        connection.received.push(message);
        answer(message, connection);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    remote: `tcp:127.0.0.1:${address.port}`,
    connections,
    async close() {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The usual reply. */
export function reply(message: JsonObject, result: Json): Json {
  return { id: message["id"] ?? null, result, error: null };
}

export function refuse(message: JsonObject, error: Json): Json {
  return { id: message["id"] ?? null, error };
}
