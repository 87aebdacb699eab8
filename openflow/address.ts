import { connect, type Socket } from "node:net";
import { ConnectionError } from "./errors.ts";

/** Where a switch listens: "unix:/var/run/openvswitch/br0.mgmt", "tcp:192.0.2.1:6653" or "tcp:[2001:db8::1]:6653". */
export type SwitchAddress =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly host: string; readonly port: number };

const OPENFLOW_PORT = 6653;

/** As ovs-ofctl(8) writes a vconn; without a port it is OpenFlow's own, 6653. Throws ConnectionError. */
export function parseAddress(text: string): SwitchAddress {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path !== undefined) return { transport: "unix", path };
  const tcp = /^tcp:(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(tcp?.[3] ?? OPENFLOW_PORT);
  if (tcp === null || port < 1 || port > 65535)
    throw new ConnectionError(`${JSON.stringify(text)} is no address of a switch; unix:PATH or tcp:HOST[:PORT] is`);
  return { transport: "tcp", host: (tcp[1] ?? tcp[2])!, port };
}

/** A socket that is connected. Rejects with ConnectionError, or with the signal's reason. */
export function openSocket(text: string, signal: AbortSignal | undefined): Promise<Socket> {
  const address = parseAddress(text);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = address.transport === "unix" ? connect(address.path) : connect(address.port, address.host);
    const abort = (): void => {
      socket.destroy();
      reject(signal?.reason);
    };
    const settle = (): void => {
      signal?.removeEventListener("abort", abort);
      socket.removeAllListeners();
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => {
      settle();
      reject(new ConnectionError(`no connection to ${text}`, error));
    });
    socket.once("connect", () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
