import type { Match } from "#openflow/match.ts";
import { port16 } from "#openflow/wire/action-codec.ts";
import { decodeActions } from "#openflow/wire/actions.ts";
import { pad, struct, u8, u16, u32 } from "#openflow/wire/codec.ts";
import { decodeMatch } from "#openflow/wire/oxm.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Message } from "../message.ts";
import { between, type OlderFormat, older } from "./formats.ts";

const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

function fromPort(port: number): Match {
  return [{ field: "in_port", value: port }];
}

const packetInHead10 = struct({ bufferId: u32, totalLength: u16, inPort: port16, reason: u8, _pad: pad(1) });

function readPacketIn10(r: Reader): Message {
  const { inPort, ...head } = packetInHead10.decode(r);
  return { type: "packet_in", ...head, table: 0, cookie: NO_COOKIE, metadata: fromPort(inPort), data: r.raw(r.left) };
}

const packetInHead11 = struct({ bufferId: u32, inPort: u32, _physical: u32, totalLength: u16, reason: u8, table: u8 });

function readPacketIn11(r: Reader): Message {
  const { inPort, ...head } = packetInHead11.decode(r);
  return { type: "packet_in", ...head, cookie: NO_COOKIE, metadata: fromPort(inPort), data: r.raw(r.left) };
}

const packetInHead12 = struct({ bufferId: u32, totalLength: u16, reason: u8, table: u8 });

function readPacketIn12(r: Reader): Message {
  const head = packetInHead12.decode(r);
  const metadata = decodeMatch(r);
  r.skip(2);
  return { type: "packet_in", ...head, cookie: NO_COOKIE, metadata, data: r.raw(r.left) };
}

const packetOutHead10 = struct({ bufferId: u32, inPort: port16, length: u16 });
const packetOutHead11 = struct({ bufferId: u32, inPort: u32, length: u16, _pad: pad(6) });

function readPacketOut(head: typeof packetOutHead10 | typeof packetOutHead11) {
  return (r: Reader): Message => {
    const { bufferId, inPort, length } = head.decode(r);
    if (length > r.left) r.fail(`${length} bytes of actions; ${r.left} are left`, "OFPBAC_BAD_LEN");
    const actions = r.slice(length, () => decodeActions(r));
    return { type: "packet_out", bufferId, metadata: fromPort(inPort), actions, data: r.raw(r.left) };
  };
}

const IN = { name: "OFPT_PACKET_IN", number: 10 };
const OUT = { name: "OFPT_PACKET_OUT", number: 13 };

export const OLDER_PACKETS: readonly OlderFormat[] = [
  older(between("1.0", "1.0"), IN, [10, 1], readPacketIn10),
  older(between("1.1", "1.1"), IN, [16, 1], readPacketIn11),
  older(between("1.2", "1.2"), IN, [8, 1], readPacketIn12),
  older(between("1.0", "1.0"), OUT, [8, 1], readPacketOut(packetOutHead10)),
  older(between("1.1", "1.4"), OUT, [16, 1], readPacketOut(packetOutHead11)),
];
