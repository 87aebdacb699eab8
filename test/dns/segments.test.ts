import assert from "node:assert/strict";
import fc from "fast-check";
import { type Mac, parseIp } from "#base/address.ts";
import { readSegment } from "#controller/node/dns/segment.ts";
import { createStreams } from "#controller/node/dns/streams.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";

const MAC = 0x0a5800000001 as Mac;
const ENDS = {
  4: { source: parseIp("192.0.2.53")!, destination: parseIp("10.10.1.2")! },
  6: { source: parseIp("2001:db8::53")!, destination: parseIp("fd10::2")! },
} as const;
const FLAG = { fin: 1, syn: 2, ack: 16 } as const;
const TCP = 6;
const UDP = 17;

function frame(family: 4 | 6, protocol: number, payload: Buffer): Buffer {
  return ethernet(MAC, MAC, family === 4 ? ETHER.ipv4 : ETHER.ipv6, ip({ ...ENDS[family], protocol, payload }));
}

function tcp(sequence: number, payload: Uint8Array, flags: number = FLAG.ack, port = 4000): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt16BE(53, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header.writeUInt8(6 << 4, 12);
  header.writeUInt8(flags, 13);
  return frame(4, TCP, Buffer.concat([header, payload]));
}

function behindLength(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The messages that come of segments. */
function collect(frames: readonly Buffer[], streams = createStreams()): readonly string[] {
  return frames.flatMap((one) => {
    const segment = readSegment(one);
    if (segment?.transport !== "tcp") throw new Error("no segment");
    return streams.take(segment).map((message) => Buffer.from(message).toString());
  });
}

const [HELLO, WORLD] = [Buffer.from("hello"), Buffer.from("world!")];

describe("a name server's packet", () => {
  it("has a payload, in either family and without what is behind it", () => {
    for (const family of [4, 6] as const) {
      const segment = readSegment(Buffer.concat([frame(family, UDP, udp(53, 4000, "hello")), Buffer.alloc(9)]));
      assert.deepEqual(segment && [segment.transport, Buffer.from(segment.payload).toString()], ["udp", "hello"]);
    }
    assert.equal(collect([tcp(5, behindLength(HELLO))])[0], "hello");
  });

  it("is a part of one where more fragments follow", () => {
    const whole = frame(4, UDP, udp(53, 4000, "hello"));
    const first = Buffer.from(whole);
    first.writeUInt16BE(0x2000, 14 + 6);
    // The datagram's length is that of all its fragments.
    first.writeUInt16BE(1000, 14 + 20 + 4);
    assert.deepEqual(
      [whole, first].map((one) => Reflect.get(readSegment(one) ?? {}, "isPart")),
      [false, true],
    );
    const later = Buffer.from(whole);
    later.writeUInt16BE(0x0005, 14 + 6);
    assert.equal(readSegment(later), undefined);
  });

  it("is nothing that throws, wherever it ends and whatever is in it", () => {
    const frames = [frame(4, UDP, udp(53, 4000, "x")), frame(6, UDP, udp(53, 4000, "x")), tcp(1, HELLO)];
    const streams = createStreams();
    const read = (bytes: Uint8Array) => {
      const segment = readSegment(bytes);
      if (segment?.transport === "tcp") streams.take(segment);
    };
    for (const one of frames) for (let length = 0; length <= one.length; length++) read(one.subarray(0, length));
    const bent = fc.tuple(fc.constantFrom(...frames), fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 10 }));
    fc.assert(
      fc.property(bent, ([one, changes]) => {
        const bytes = Buffer.from(one);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        read(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("messages in a stream", () => {
  it("come out whole, however it is cut, also where numbers begin anew", () => {
    const stream = Buffer.concat([HELLO, WORLD, Buffer.alloc(0), HELLO].map(behindLength));
    const expected = ["hello", "world!", "", "hello"];
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.uniqueArray(fc.nat(stream.length), { maxLength: 9 }), (start, cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const frames = places.slice(1).map((end, i) => tcp(start + 1 + places[i]!, stream.subarray(places[i], end)));
        assert.deepEqual(collect([tcp(start, Buffer.alloc(0), FLAG.syn | FLAG.ack), ...frames]), expected);
        const twice = frames.flatMap((one, i) => [one, frames[Math.max(0, i - 1)]!]);
        assert.deepEqual(collect([tcp(start, Buffer.alloc(0), FLAG.syn | FLAG.ack), ...twice]), expected);
      }),
    );
  });

  it("end where a segment is missing, and begin again with another connection of the same ports", () => {
    const whole = behindLength(HELLO);
    const [first, last] = [tcp(1, whole.subarray(0, 3)), tcp(4, whole.subarray(3))];
    assert.deepEqual(collect([first, last]), ["hello"]);
    const streams = createStreams();
    assert.deepEqual(collect([first, tcp(5, whole.subarray(4))], streams), []);
    assert.deepEqual(collect([tcp(900, Buffer.alloc(0), FLAG.syn), tcp(901, whole)], streams), ["hello"]);
    assert.deepEqual(collect([tcp(908, whole, FLAG.fin), tcp(7, whole)], streams), ["hello", "hello"]);
  });

  it("are followed in so many connections, of which the most silent is let go", () => {
    const streams = createStreams();
    const whole = behindLength(HELLO);
    const begin = (port: number) => collect([tcp(1, whole.subarray(0, 3), FLAG.ack, port)], streams);
    const end = (port: number) => collect([tcp(4, whole.subarray(3), FLAG.ack, port)], streams);
    for (let port = 1; port <= 129; port++) begin(port);
    assert.deepEqual([end(129), end(2)], [["hello"], ["hello"]]);
    assert.deepEqual(end(1), []);
  });
});
