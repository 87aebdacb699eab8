import { startPython } from "./python-process.ts";

/** How many clients heard what: "server client-as-seen", or why they heard nothing ("ECONNREFUSED", "timeout"). */
export type Heard = Readonly<Record<string, number>>;

/** Servers and clients in many network namespaces, all in one process: see service-wire.py. */
export interface ServiceWire {
  /** Answers TCP and UDP at a port with its name and the client's address; TCP also echoes. */
  serve(name: string, netns: string, address: string, port: number): Promise<void>;
  /** So many clients, one after another, each from the source port or from any (0), with datagrams of so many bytes. */
  ask(
    netns: string,
    protocol: "tcp" | "udp",
    address: string,
    port: number,
    count: number,
    sourcePort?: number,
    size?: number,
  ): Promise<Heard>;
  /** Opens a connection and keeps it; gives what the server said. */
  hold(key: string, netns: string, address: string, port: number, protocol?: "tcp" | "udp"): Promise<string>;
  /** What comes back on it; of UDP who answers, as in `Heard`. */
  talk(key: string): Promise<string>;
  hangUp(key: string): Promise<void>;
  /** Opens one connection after another from now on. */
  startLoad(key: string, netns: string, address: string, port: number): Promise<void>;
  /** Sends one datagram after another from one socket from now on; those that are never answered are "timeout" when it stops. */
  startStream(key: string, netns: string, address: string, port: number): Promise<void>;
  readLoad(key: string): Promise<Heard>;
  stopLoad(key: string): Promise<Heard>;
  close(): Promise<void>;
}

export async function openServiceWire(): Promise<ServiceWire> {
  const { call, close } = await startPython("service-wire.py");
  return {
    serve: (...words) => call("serve", ...words),
    ask: (...words) => call("ask", ...words),
    hold: (...words) => call("hold", ...words),
    talk: (key) => call("talk", key),
    hangUp: (key) => call("hang_up", key),
    startLoad: (...words) => call("start_load", ...words),
    startStream: (...words) => call("start_stream", ...words),
    readLoad: (key) => call("read_load", key),
    stopLoad: (key) => call("stop_load", key),
    close,
  };
}
