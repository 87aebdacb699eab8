import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ConnectionError } from "./errors.ts";

/** Mutual TLS, as PEM text. As in Open vSwitch, `ca` must have signed the peer's certificate; names are not checked. */
export interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

/** Where a switch listens, or with `passive` where it is awaited, in the words of ovs-ofctl(8) and ovs-vsctl(8). */
export type SwitchAddress =
  | { readonly transport: "unix"; readonly passive: boolean; readonly path: string }
  | {
      readonly transport: "tcp" | "ssl";
      readonly passive: boolean;
      /** Absent: every address of this machine, where a switch is awaited. */
      readonly host: string | undefined;
      readonly port: number;
    };

const OPENFLOW_PORT = 6653;
const FORMS = "unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]";
const PASSIVE_FORMS = "punix:PATH, ptcp:[PORT][:HOST] or pssl:[PORT][:HOST]";

/** "unix:/run/br0.mgmt", "tcp:192.0.2.1:6653", "ssl:[2001:db8::1]", "ptcp:6653:127.0.0.1". Throws ConnectionError. */
export function parseAddress(text: string): SwitchAddress {
  const [, passive, transport, rest = ""] = /^(p?)(unix|tcp|ssl):(.*)$/.exec(text) ?? [];
  if (transport === "unix" && rest !== "") return { transport, passive: passive === "p", path: rest };
  if (transport === "tcp" || transport === "ssl") {
    const place = passive === "p" ? parsePassive(rest) : parseActive(rest);
    if (place !== undefined) return { transport, passive: passive === "p", ...place };
  }
  throw new ConnectionError(`${JSON.stringify(text)} is no address of a switch; ${FORMS}, ${PASSIVE_FORMS} is`);
}

interface Place {
  readonly host: string | undefined;
  readonly port: number;
}

function parseActive(text: string): Place | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  return found === null ? undefined : place(found[1] ?? found[2], found[3]);
}

function parsePassive(text: string): Place | undefined {
  const found = /^(\d{1,5})?(?::(?:\[([0-9a-f:.]+)\]|([^:[\]]+)))?$/i.exec(text);
  return found === null ? undefined : place(found[2] ?? found[3], found[1]);
}

function place(host: string | undefined, portText: string | undefined): Place | undefined {
  const port = portText === undefined ? OPENFLOW_PORT : Number(portText);
  return port > 65535 ? undefined : { host, port };
}

/** A socket that is connected. Rejects with ConnectionError, or with the signal's reason. */
export function openSocket(
  text: string,
  tls: TlsOptions | undefined,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const address = parseAddress(text);
  if (address.passive) throw new ConnectionError(`${text} awaits a switch; to connect to one, ${FORMS} is needed`);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = startConnection(text, address, tls);
    const settle = (): void => {
      signal?.removeEventListener("abort", abort);
      socket.removeAllListeners("error");
    };
    const abort = (): void => {
      socket.on("error", () => {});
      socket.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => {
      settle();
      reject(new ConnectionError(`no connection to ${text}`, error));
    });
    socket.once(address.transport === "ssl" ? "secureConnect" : "connect", () => {
      settle();
      resolve(socket);
    });
  });
}

function startConnection(text: string, address: SwitchAddress, tls: TlsOptions | undefined): Socket {
  if (address.transport === "unix") return connect(address.path);
  const target = { port: address.port, ...(address.host === undefined ? {} : { host: address.host }) };
  const socket = address.transport === "tcp" ? connect(target) : connectTls({ ...target, ...tlsSettings(text, tls) });
  return socket.setNoDelay(true);
}

/** For node:tls; a switch without a certificate that `ca` signed is refused. */
export function tlsSettings(text: string, tls: TlsOptions | undefined) {
  if (tls === undefined) throw new ConnectionError(`${text} needs the tls option: key, certificate and ca`);
  const { key, certificate: cert, ca } = tls;
  return { key, cert, ca, requestCert: true, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}
