import { startPython } from "./python-process.ts";

/** A frame out of a tap, or an IP packet that a host's kernel sends to an address. */
export type Sending =
  | readonly [tap: string, frame: string]
  | readonly [host: string, packet: string, destination: string];

/** What is sent behind other packets, and where what bytes of it are heard when all of those have arrived. */
export type Fence = readonly [packet: Sending, tap: string, needle: string];

export interface Phase {
  readonly packets: readonly Sending[];
  readonly fences: readonly Fence[];
}

export interface Ambush {
  readonly heard: Readonly<Record<string, readonly string[]>>;
  /** The device came. */
  readonly opened: boolean;
  readonly rounds: number;
}

type End = "client" | "server";

/** Raw sockets and TCP connections in many network namespaces, all in one process: see policy-wire.py. */
export interface Wire {
  openTap(name: string, netns: string, device: string): Promise<void>;
  closeTap(name: string): Promise<void>;
  openHost(name: string, netns: string): Promise<void>;
  /** Sends phase after phase; the IP frames, in hex, that each tap heard meanwhile. */
  run(phases: readonly Phase[]): Promise<Readonly<Record<string, readonly string[]>>>;
  forget(): Promise<void>;
  /** Opens a TCP connection between two namespaces; gives the client's port. */
  connect(key: string, serverNetns: string, clientNetns: string, address: string, port: number): Promise<number>;
  write(key: string, end: End, bytes: number): Promise<number>;
  /** How many bytes this end has received since the beginning. */
  read(key: string, end: End): Promise<number>;
  hangUp(key: string): Promise<void>;
  /** Sends all packets again and again until `prey` is done; and opens a tap on a device the instant it comes. */
  ambush(
    name: string,
    netns: string,
    device: string,
    packets: readonly Sending[],
    prey: () => Promise<unknown>,
  ): Promise<Ambush>;
  /**
   * Sends a frame again and again, so many seconds apart, with its number in its last eight bytes, until `work` is done: when
   * each was sent, in milliseconds of the clock that process.hrtime reads, and whether the other tap heard it.
   */
  pulse(
    tap: string,
    frame: string,
    ear: string,
    pause: number,
    work: () => Promise<unknown>,
  ): Promise<readonly (readonly [sent: number, isHeard: boolean])[]>;
  close(): Promise<void>;
}

export async function openWire(): Promise<Wire> {
  const { call, callWhile, close } = await startPython("policy-wire.py");
  return {
    openTap: (...words) => call("open_tap", ...words),
    closeTap: (name) => call("close_tap", name),
    openHost: (...words) => call("open_host", ...words),
    run: (phases) => call("run_phases", phases),
    forget: () => call("forget"),
    connect: (...words) => call("connect", ...words),
    write: (...words) => call("write", ...words),
    read: (...words) => call("read", ...words),
    hangUp: (key) => call("hang_up", key),
    ambush: (name, netns, device, packets, prey) => callWhile(["ambush", name, netns, device, packets], prey),
    pulse: (tap, frame, ear, pause, work) => callWhile(["pulse", tap, frame, ear, pause], work),
    close,
  };
}
