import type { Mac } from "#base/address.ts";

/** Ports that every bridge has, asked for by number so that flows do not wait for them. */
export const PORTS = { tunnel: 1, gateway: 2 } as const;

export const TUNNEL_INTERFACE = "weir-tun0";
export const GATEWAY_INTERFACE = "weir-gw0";

/** The switch itself, as pods and the host see it: the answer to every ARP request and neighbour solicitation. */
export const ROUTER_MAC = 0x027765697201 as Mac;
/** weir-gw0, on every node. It is never seen outside of its node. */
export const GATEWAY_MAC = 0x027765697202 as Mac;

/** VNI of everything between nodes. */
export const TUNNEL_KEY = 0x77n;
