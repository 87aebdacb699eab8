import type { Server } from "node:http";
import { connect } from "node:net";

/** A server that listens, and how to end it. */
export interface Listening {
  /** "127.0.0.1:10350" or the path of the socket. */
  readonly address: string;
  close(): Promise<void>;
}

/** Calls `bind` and waits until the server listens or cannot. */
export function whenListening(server: Server, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    bind();
  });
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Whether somebody listens there: a socket left by a process that was killed is no obstacle. */
export function isServed(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
