import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import { OvsdbError } from "#ovsdb/error.ts";

/** TLS for `ssl:` remotes, as PEM text. As in Open vSwitch, `ca` must have signed the peer's certificate; names are not checked. */
export interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

/** Where a server listens, in Open vSwitch's words: "unix:/path", "tcp:192.0.2.1:6640", "ssl:[2001:db8::1]:6640". */
export type Remote =
  | { readonly type: "unix"; readonly text: string; readonly path: string }
  | { readonly type: "tcp" | "ssl"; readonly text: string; readonly host: string; readonly port: number };

const DEFAULT_PORT = 6640;
const HOST_PORT = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/;

/** One remote or several: an array, or text with commas. */
export function parseRemotes(remotes: string | readonly string[]): readonly Remote[] {
  const texts = typeof remotes === "string" ? remotes.split(",") : remotes;
  const parsed = texts.map((text) => parseRemote(text.trim()));
  if (parsed.length === 0) throw badRemote("");
  return parsed;
}

function parseRemote(text: string): Remote {
  const colon = text.indexOf(":");
  const type = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (type === "unix" && rest !== "") return { type, text, path: rest };
  const found = HOST_PORT.exec(rest);
  if ((type !== "tcp" && type !== "ssl") || found === null) throw badRemote(text);
  const port = found[3] === undefined ? DEFAULT_PORT : Number(found[3]);
  if (port < 1 || port > 65535) throw badRemote(text);
  return { type, text, host: found[1] ?? found[2] ?? "", port };
}

function badRemote(text: string): OvsdbError {
  return new OvsdbError(
    "E_OVSDB_VALUE",
    `"${text}" is not a remote; it should be unix:/path, tcp:host:port or ssl:host:port (IPv6 in brackets)`,
  );
}

export interface OpenOptions {
  readonly tls: TlsOptions | undefined;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds for one remote. */
  readonly timeout: number;
}

/** A connected socket, or an OvsdbError E_OVSDB_CONNECT; rejects with the signal's reason when aborted. */
export async function openSocket(remote: Remote, options: OpenOptions): Promise<Socket> {
  const { signal, timeout } = options;
  signal?.throwIfAborted();
  const socket = startConnection(remote, options.tls);
  const deadline = AbortSignal.timeout(timeout);
  try {
    const event = remote.type === "ssl" ? "secureConnect" : "connect";
    await once(socket, event, { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) });
  } catch (error) {
    socket.on("error", () => {}); // the caller is told below, once
    socket.destroy();
    signal?.throwIfAborted();
    throw connectError(remote, deadline.aborted ? new Error(`no answer within ${timeout} ms`) : error);
  }
  if (remote.type !== "unix") socket.setNoDelay(true);
  return socket;
}

/** Why there is no connection, with what to look at where certificates are the reason. */
export function connectError(remote: Remote, cause: unknown): OvsdbError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const hint = TLS_HINTS.find(([pattern]) => pattern.test(code))?.[1];
  const message = `cannot connect to ${remote.text}${hint === undefined ? "" : `: ${hint}`}`;
  return new OvsdbError("E_OVSDB_CONNECT", message, { remote: remote.text }, cause);
}

/** Codes of Node and OpenSSL. Alerts are the server's word about our certificate. */
const TLS_HINTS: readonly (readonly [RegExp, string])[] = [
  [/_ALERT_|HANDSHAKE_FAILURE/, "the server refuses our certificate"],
  [/SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE_FAILURE|INVALID_CA/, "the given ca has not signed the server's certificate"],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, "the server's certificate is not valid at this time"],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/, "the server does not speak TLS there"],
];

function startConnection(remote: Remote, tls: TlsOptions | undefined): Socket {
  if (remote.type === "unix") return connectPlain({ path: remote.path });
  const target = { host: remote.host, port: remote.port };
  if (remote.type === "tcp") return connectPlain(target);
  if (tls === undefined) {
    throw new OvsdbError("E_OVSDB_VALUE", `${remote.text} needs the tls option: key, certificate and ca`);
  }
  const { key, certificate: cert, ca } = tls;
  let secureContext: SecureContext;
  try {
    secureContext = createSecureContext({ key, cert, ca });
  } catch (error) {
    const message = "the tls option needs key, certificate and ca as PEM text, and the key must be the certificate's";
    throw new OvsdbError("E_OVSDB_VALUE", message, { remote: remote.text }, error);
  }
  return connectTls({ ...target, secureContext, checkServerIdentity: () => undefined });
}
