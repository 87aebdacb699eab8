import { familyOf, formatIp, formatMac, type Ip, ipBytes, ipFromBytes, type Mac, parseIp } from "#base/address.ts";
import { openRawSocket } from "../rig/raw-socket.ts";
import { arp, BROADCAST, ETHER, ethernet, ip, neighbour } from "./frames.ts";

export interface NeighbourAnswer {
  /** Of performance.now(), in milliseconds. */
  readonly at: number;
  readonly mac: string;
}

/** Asks again and again, from eth0 of a namespace, whose some addresses are: who answers, and who announces unasked. */
export interface NeighbourProber {
  ask(...addresses: readonly string[]): void;
  /** All answers since the last `clear`, the oldest first. */
  answers(address: string): readonly NeighbourAnswer[];
  announcements(address: string): readonly NeighbourAnswer[];
  clear(): void;
  close(): Promise<void>;
}

const EVERY = 50;

interface Client {
  readonly mac: Mac;
  readonly addresses: Readonly<Record<4 | 6, Ip>>;
}

export async function startProber(netns: string, client: Client): Promise<NeighbourProber> {
  const socket = await openRawSocket(netns);
  let asked: readonly Ip[] = [];
  const heard = { answers: new Map<string, NeighbourAnswer[]>(), announcements: new Map<string, NeighbourAnswer[]>() };
  void socket.hear((frame) => {
    const said = read(frame);
    if (said !== undefined) {
      const list = heard[said.isAsked ? "answers" : "announcements"];
      list.set(said.address, [...(list.get(said.address) ?? []), { at: performance.now(), mac: said.mac }]);
    }
    return false;
  });
  const timer = setInterval(() => {
    socket.clear();
    for (const address of asked) socket.send(question(client, address));
  }, EVERY);
  return {
    ask(...addresses) {
      asked = addresses.map((address) => parseIp(address)!);
    },
    answers: (address) => heard.answers.get(address) ?? [],
    announcements: (address) => heard.announcements.get(address) ?? [],
    clear() {
      heard.answers.clear();
      heard.announcements.clear();
    },
    async close() {
      clearInterval(timer);
      await socket.close();
    },
  };
}

export function question({ mac, addresses }: Client, address: Ip): Buffer {
  if (familyOf(address) === 4) return ethernet(BROADCAST, mac, ETHER.arp, arp(1, mac, addresses[4], 0 as Mac, address));
  const end = ipBytes(address).slice(13);
  const group = ipFromBytes([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...end]);
  const payload = neighbour(135, addresses[6], group, address, mac);
  const packet = ip({ source: addresses[6], destination: group, protocol: 58, payload });
  return ethernet(macOf([0x33, 0x33, 0xff, ...end]), mac, ETHER.ipv6, packet);
}

interface Said {
  readonly address: string;
  readonly mac: string;
  readonly isAsked: boolean;
}

/** Who says that an address is theirs: in ARP the sender, in neighbour discovery who advertises. */
function read(frame: Buffer): Said | undefined {
  const type = frame.readUInt16BE(12);
  if (type === ETHER.arp) {
    const mac = formatMac(macOf(frame.subarray(22, 28)));
    const [sender, target] = [
      formatIp(ipFromBytes(frame.subarray(28, 32))),
      formatIp(ipFromBytes(frame.subarray(38, 42))),
    ];
    const isReply = frame.readUInt16BE(20) === 2;
    return isReply || sender === target ? { address: sender, mac, isAsked: isReply && sender !== target } : undefined;
  }
  if (type !== ETHER.ipv6 || frame[20] !== 58 || frame[54] !== 136) return undefined;
  const mac = formatMac(macOf(frame.subarray(80, 86)));
  return { address: formatIp(ipFromBytes(frame.subarray(62, 78))), mac, isAsked: (frame[58]! & 0x40) !== 0 };
}

function macOf(bytes: ArrayLike<number>): Mac {
  return Array.from(bytes).reduce((sum, byte) => sum * 256 + byte, 0) as Mac;
}
