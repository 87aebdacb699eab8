import { once } from "node:events";
import { access, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createSession } from "#ovsdb/rpc-session.ts";

export interface SwitchControl {
  /** Open vSwitch's run directory. */
  readonly runDirectory: string;
  /** ovs-vswitchd's control socket, where it is not in there by one of the usual names. */
  readonly socket?: string | undefined;
  readonly datapath: "system" | "netdev";
}

/**
 * All connections of a zone, one a line: see ct-dpif in ovs-vswitchd(8). OpenFlow cannot ask for them. It is JSON-RPC as OVSDB has
 * it, with a text as its result.
 */
export async function dumpConnections(control: SwitchControl, zone: number, signal: AbortSignal): Promise<string> {
  const path = control.socket ?? (await findSocket(control.runDirectory));
  const socket = connect(path);
  try {
    await once(socket, "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const session = createSession(socket, { remote: `unix:${path}`, inactivityProbe: 0, onNotification() {} });
  try {
    const { datapath } = control;
    const result = await session.request("dpctl/dump-conntrack", [`${datapath}@ovs-${datapath}`, `zone=${zone}`], {
      signal,
    });
    return String(result);
  } finally {
    session.close();
  }
}

/** It names the process unless it was given another name: see --unixctl in ovs-vswitchd(8). */
async function findSocket(runDirectory: string): Promise<string> {
  const plain = join(runDirectory, "ovs-vswitchd.ctl");
  try {
    await access(plain);
    return plain;
  } catch {
    const pid = Number.parseInt(await readFile(join(runDirectory, "ovs-vswitchd.pid"), "utf8"), 10);
    return join(runDirectory, `ovs-vswitchd.${pid}.ctl`);
  }
}
