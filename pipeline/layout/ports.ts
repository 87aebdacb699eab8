import type { Mac } from "#base/address.ts";
import { requireUnique } from "./validate.ts";

/**
 * Ports that every bridge has, asked for by number so that flows do not wait for them. Open vSwitch gives numbers below 32768
 * to those who ask for none: no pod's port ever has one of ours, not even while ours is not there.
 */
export const PORTS = { tunnel: 32769, gateway: 32770 } as const;

requireUnique("port", Object.values(PORTS), 32768, 0xfeff);

export const TUNNEL_INTERFACE = "weir-tun0";
export const GATEWAY_INTERFACE = "weir-gw0";

/** The switch itself, as pods and the host see it: the answer to every ARP request and neighbour solicitation. */
export const ROUTER_MAC = 0x027765697201 as Mac;
/** weir-gw0, on every node. It is never seen outside of its node. */
export const GATEWAY_MAC = 0x027765697202 as Mac;

/** VNI of everything between nodes. */
export const TUNNEL_KEY = 0x77n;
/** Where hosts listen for Geneve and VXLAN. */
export const TUNNEL_UDP_PORTS = { geneve: 6081, vxlan: 4789 } as const;
