import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describeError } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { parseAddress, type SwitchAddress, tlsSettings } from "./address.ts";
import { type ConnectOptions, greet, type OpenFlowConnection } from "./connection.ts";
import { ConnectionError } from "./errors.ts";

export interface ListenOptions extends Omit<ConnectOptions, "signal"> {
  /** Called with each switch that has said hello. One that speaks none of our versions is told to the log. */
  onConnection(connection: OpenFlowConnection): void;
}

export interface OpenFlowListener {
  /** The port that is listened on: of use where the address names port 0. Undefined for a unix socket. */
  readonly port: number | undefined;
  /** Awaits no more; connections that stand go on. */
  close(): void;
}

/** Awaits switches that connect by themselves (`ovs-vsctl set-controller br0 tcp:...`). Rejects with ConnectionError. */
export async function listenOpenFlow(options: ListenOptions): Promise<OpenFlowListener> {
  const address = parseAddress(options.address);
  if (!address.passive)
    throw new ConnectionError(`${options.address} is where a switch listens; ptcp:, pssl: or punix: awaits one`);
  const server = makeServer(address, options, (socket) => void welcome(socket, options));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new ConnectionError(`cannot listen on ${options.address}`, error)));
    server.listen(
      address.transport === "unix"
        ? { path: address.path }
        : { port: address.port, ...(address.host !== undefined && { host: address.host }) },
      resolve,
    );
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : undefined,
    close: () => void server.close(),
  };
}

function makeServer(
  address: SwitchAddress,
  { address: text, tls }: ListenOptions,
  accept: (socket: Socket) => void,
): Server {
  return address.transport === "ssl" ? createTlsServer(tlsSettings(text, tls), accept) : createServer(accept);
}

/** Never rejects: one switch that cannot be talked to does not keep others away. */
async function welcome(socket: Socket, { onConnection, ...options }: ListenOptions): Promise<void> {
  try {
    onConnection(await greet(socket, options));
  } catch (error) {
    (options.log ?? silentLog).warn("a switch was turned away", { reason: describeError(error) });
  }
}
