/** OFPP_*: the ports that every switch has. */
export const OFPP = {
  UNSET: 0xffff_fff7,
  IN_PORT: 0xffff_fff8,
  TABLE: 0xffff_fff9,
  NORMAL: 0xffff_fffa,
  FLOOD: 0xffff_fffb,
  ALL: 0xffff_fffc,
  CONTROLLER: 0xffff_fffd,
  LOCAL: 0xffff_fffe,
  ANY: 0xffff_ffff,
} as const;

const LAST_PORT = 0xfeff;
const HIGHEST_16_BITS = 0xffff_ff00;

/** Nicira's actions hold 16 bits of a port. Undefined for a port that they cannot hold. */
export function narrowPort(port: number): number | undefined {
  if (port <= LAST_PORT) return port;
  return port >= HIGHEST_16_BITS ? port & 0xffff : undefined;
}

export function widenPort(port: number): number {
  return port <= LAST_PORT ? port : 0xffff_0000 + port;
}
