import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ip, type Mac, parseIp } from "#base/address.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import { formatActions } from "#openflow/text/index.ts";
import { readHeaders } from "#pipeline/denials/headers.ts";
import { refuse } from "#pipeline/denials/refusal.ts";
import { PORTS } from "#pipeline/layout/ports.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { ground } from "#test/pipeline/policy-clusters.ts";
import { batch, SETTINGS } from "#test/pipeline/samples.ts";
import { checksum, ETHER, ethernet, ip, udp } from "#test/support/frames.ts";

const CLIENT_MAC = 0x0a5800000001 as Mac;
const PAIRS = [
  [parseIp("10.10.1.2")!, parseIp("10.10.1.5")!],
  [parseIp("fd10:1::2")!, parseIp("fd10:1::5")!],
] as const;
/** Of a/web, by the ground of policy-clusters. */
const POD = { in_port: 10 } as const;

const pipeline = createPipeline(SETTINGS, ["test"]);
pipeline.step(batch(...ground()));

function frame(source: Ip, destination: Ip, protocol: number, payload: Buffer, fragmentOffset = 0): Buffer {
  const type = typeof source === "number" ? ETHER.ipv4 : ETHER.ipv6;
  return ethernet(CLIENT_MAC, CLIENT_MAC, type, ip({ source, destination, protocol, payload, fragmentOffset }));
}

function tcp(flags: number, data = 0, sequence = 1000, acknowledged = 5000): Buffer {
  const bytes = Buffer.alloc(20 + data);
  bytes.writeUInt16BE(40_000, 0);
  bytes.writeUInt16BE(80, 2);
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeUInt32BE(acknowledged, 8);
  bytes.writeUInt8(0x50, 12);
  bytes.writeUInt8(flags, 13);
  return bytes;
}

const answer = (data: Buffer, metadata: MatchSpec = POD) => refuse({ metadata: match(metadata), data }, pipeline.view);

/** What an answer carries behind its IP header; fails when a checksum is wrong. */
function carriedBy(data: Uint8Array): Buffer {
  const bytes = Buffer.from(data);
  if (bytes.readUInt16BE(12) === ETHER.ipv4) {
    assert.equal(checksum(bytes.subarray(14, 34)), 0, "the header's checksum");
    const payload = bytes.subarray(34);
    const pseudo = Buffer.concat([bytes.subarray(26, 34), Buffer.from([0, bytes[23]!, 0, payload.length])]);
    assert.equal(checksum(bytes[23] === 1 ? payload : Buffer.concat([pseudo, payload])), 0, "the checksum");
    return payload;
  }
  const payload = bytes.subarray(54);
  const pseudo = Buffer.concat([bytes.subarray(22, 54), Buffer.from([0, bytes[20]!, 0, payload.length])]);
  assert.equal(checksum(Buffer.concat([pseudo, payload])), 0, "the checksum");
  return payload;
}

describe("the answer to a packet that a policy refuses", () => {
  for (const [source, destination] of PAIRS) {
    const family = typeof source === "number" ? "IPv4" : "IPv6";

    it(`is for TCP a reset that fits what was sent: ${family}`, () => {
      // SYN, data without an acknowledgement, FIN; and what acknowledges gets its own number back.
      const cases: readonly (readonly [number, number, readonly [number, number, number]])[] = [
        [0x02, 0, [0, 1001, 0x14]],
        [0x08, 7, [0, 1007, 0x14]],
        [0x01, 7, [0, 1008, 0x14]],
        [0x10, 7, [5000, 0, 0x04]],
        [0x12, 0, [5000, 0, 0x04]],
      ];
      for (const [flags, data, expected] of cases) {
        const refusal = answer(frame(source, destination, 6, tcp(flags, data)));
        assert.ok(refusal !== undefined);
        const headers = readHeaders(refusal.data);
        assert.deepEqual(headers, {
          ...{ source: destination, destination: source, protocol: 6 },
          ports: { source: 80, destination: 40_000 },
        });
        const segment = carriedBy(refusal.data);
        assert.deepEqual([segment.readUInt32BE(4), segment.readUInt32BE(8), segment[13]], expected);
      }
      const wrapped = carriedBy(answer(frame(source, destination, 6, tcp(0x02, 0, 0xffff_ffff)))!.data);
      assert.equal(wrapped.readUInt32BE(8), 0);
    });

    it(`is for all else ICMP's word that it is prohibited, with the packet: ${family}`, () => {
      const echo = Buffer.from([family === "IPv4" ? 8 : 128, 0, 0, 0, 0, 0, 0, 0]);
      for (const [protocol, payload] of [
        [17, udp(40_000, 53, "query")],
        [132, tcp(0)],
        [family === "IPv4" ? 1 : 58, echo],
      ] as const) {
        const sent = frame(source, destination, protocol, payload);
        // As a frame of 60 bytes at least, behind which nothing is the packet's.
        const refusal = answer(Buffer.concat([sent, Buffer.alloc(Math.max(0, 60 - sent.length))]));
        const message = carriedBy(refusal!.data);
        assert.deepEqual([message[0], message[1]], family === "IPv4" ? [3, 13] : [1, 1]);
        assert.deepEqual(message.subarray(8), sent.subarray(14));
        const { source: from, destination: to } = readHeaders(refusal!.data)!;
        assert.deepEqual([from, to], [destination, source]);
      }
    });

    it(`is none to resets, to ICMP's errors and answers, and to what is for many: ${family}`, () => {
      assert.equal(answer(frame(source, destination, 6, tcp(0x04))), undefined);
      assert.equal(answer(frame(source, destination, 6, tcp(0x14))), undefined);
      const [icmp, errors] = family === "IPv4" ? [1, [0, 3, 5, 11, 12]] : [58, [1, 2, 3, 4, 127]];
      for (const type of errors)
        assert.equal(answer(frame(source, destination, icmp, Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]))), undefined);
      const many = family === "IPv4" ? ["224.0.0.251", "255.255.255.255"] : ["ff02::fb"];
      for (const text of many) assert.equal(answer(frame(source, parseIp(text)!, 17, udp(1, 2, ""))), undefined);
      const nobody = parseIp(family === "IPv4" ? "0.0.0.0" : "::")!;
      assert.equal(answer(frame(nobody, destination, 17, udp(1, 2, ""))), undefined);
    });
  }

  it("is none to fragments behind the first, and to what is not all there", () => {
    const [[source, destination]] = PAIRS;
    assert.equal(answer(frame(source, destination, 17, udp(1, 2, ""), 1)), undefined);
    const whole = frame(source, destination, 6, tcp(2));
    for (let length = 0; length < whole.length; length++) assert.equal(answer(whole.subarray(0, length)), undefined);
    const types = fc.constantFrom(ETHER.ipv4, ETHER.ipv6, ETHER.arp);
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 114 }), (type, payload) => {
        const data = ethernet(CLIENT_MAC, CLIENT_MAC, type, Buffer.from(payload));
        const refusal = answer(data);
        // Nobody is answered who would answer: it would not end.
        if (refusal !== undefined) assert.equal(answer(Buffer.from(refusal.data)), undefined);
      }),
    );
  });

  it("goes back where the packet came from, and by conntrack where a service had led it on", () => {
    const [[source, destination]] = PAIRS;
    const sent = frame(source, destination, 6, tcp(2));
    const way = (metadata: MatchSpec) => {
      const { data, actions } = answer(sent, metadata)!;
      return [Buffer.from(data.subarray(0, 6)).toString("hex"), formatActions(actions)];
    };
    assert.deepEqual(way(POD), ["0a580000000a", "output:10"]);
    assert.deepEqual(way({ in_port: PORTS.gateway }), ["027765697202", `output:${PORTS.gateway}`]);
    assert.deepEqual(way({ in_port: PORTS.tunnel, tun_src: 0xac12_0002 }), [
      "027765697201",
      `set_field:0x77->tun_id,set_field:172.18.0.2->tun_dst,output:${PORTS.tunnel}`,
    ]);
    assert.deepEqual(way({ ...POD, ct_state: 0xa1 }), [
      "0a580000000a",
      "set_field:0xa->reg1,ct(table=100,zone=30565,nat)",
    ]);
    assert.equal(answer(sent, { in_port: 99 }), undefined, "a port that went away meanwhile");
  });
});
