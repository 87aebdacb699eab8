import type { PacketIn } from "#openflow/packet-ins.ts";
import type { ToldPacket } from "#pipeline/denials/metadata.ts";
import { readTold, type Told } from "#pipeline/layout/told.ts";

/** Gives a packet from the switch to whom it was sent for: see layout/told.ts. */
export function takePacket(
  packet: PacketIn,
  takers: Readonly<Record<Exclude<Told, "answer">, (packet: ToldPacket) => void>>,
): void {
  if (packet.type !== "nxt_packet_in2") return;
  const { metadata = [], data = new Uint8Array(), userdata } = packet.properties;
  const told = readTold(userdata);
  if (told !== undefined && told !== "answer") takers[told]({ metadata, data });
}
