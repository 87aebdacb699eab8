import assert from "node:assert/strict";
import { match } from "#openflow/match.ts";
import { type PacketIn, PacketIns } from "#openflow/packet-ins.ts";

const packet = (cookie: bigint): PacketIn => ({
  type: "packet_in",
  ...{
    bufferId: 0xffff_ffff,
    totalLength: 0,
    reason: 1,
    table: 0,
    cookie,
    metadata: match({}),
    data: new Uint8Array(),
  },
});

describe("Packets from the switch", () => {
  it("wait for a slow reader up to the limit; what comes beyond it is dropped and counted", async () => {
    const packets = new PacketIns(2);
    for (const cookie of [1n, 2n, 3n, 4n]) packets.offer(packet(cookie));
    packets.offer({ type: "barrier_reply" });
    packets.end();
    assert.deepEqual(
      (await Array.fromAsync(packets)).map((one) => (one.type === "packet_in" ? one.cookie : undefined)),
      [1n, 2n],
    );
    assert.equal(packets.dropped, 2);
  });

  it("reach a reader who waits already", async () => {
    const packets = new PacketIns(2);
    const next = packets[Symbol.asyncIterator]().next();
    packets.offer(packet(7n));
    assert.equal((await next).value?.type, "packet_in");
  });
});
