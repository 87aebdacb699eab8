import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import type { OvsRig } from "#test/rig/ovs.ts";

/** What ofproto/trace says of one packet. */
export interface Trace {
  /** The sites of the flows that it met, in order: "pods/classify > pods/identity > ...". */
  readonly path: string;
  /** "port 10", "back" (by the port it came in by), "nowhere", or "tunnel to 172.18.0.2 key 0x77". */
  readonly exit: string;
  /** Its headers at the end, as ofproto/trace writes a flow. */
  readonly final: string;
}

/** Sends a packet through the real tables: described as in ovs-fields(7), or in hex beside its in_port. */
export async function trace(ovs: OvsRig, bridge: string, packet: string, hex?: string): Promise<Trace> {
  const text = await ovs.appctl("ofproto/trace", bridge, packet, ...(hex === undefined ? [] : [hex]));
  const own = passagesThrough(text, bridge);
  const cookies = [...own.matchAll(/^ ?\d+\. .*cookie (0x[0-9a-f]+)/gm)].map(([, cookie]) => BigInt(cookie!));
  return {
    path: cookies.map((cookie) => siteOfCookie(cookie)?.site ?? `foreign ${cookie}`).join(" > "),
    exit: exitOf(own),
    final: [...text.matchAll(/^Final flow: (.*)$/gm)].at(-1)?.[1] ?? "unchanged",
  };
}

function exitOf(own: string): string {
  const peer = /-> tunneling to (\S+) via/.exec(own)?.[1];
  if (peer !== undefined) return `tunnel to ${peer} key ${/set_field:(\S+)->tun_id/.exec(own)?.[1]}`;
  if (/^ +IN_PORT$/m.test(own)) return "back";
  if (/skipping output to input port/.test(own)) return "nowhere";
  const port = /-> output port is (\d+)/.exec(own)?.[1];
  return port === undefined ? "nowhere" : `port ${port}`;
}

/** All of them: conntrack sends a packet in again. A tunnel's goes on through the bridge that carries the node's address. */
function passagesThrough(text: string, bridge: string): string {
  const parts = text.split(/^bridge\("(.*)"\)\n-+$/m);
  return parts.filter((_part, i) => i % 2 === 0 && parts[i - 1] === bridge).join("\n");
}
