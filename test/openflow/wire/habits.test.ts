import assert from "node:assert/strict";
import fc from "fast-check";
import type { Match, MatchTerm } from "#openflow/match.ts";
import { decode, encode } from "#openflow/messages/message.ts";
import { formatMessage } from "#openflow/text/message/index.ts";
import { decodeTerms, encodeTerms } from "#openflow/wire/oxm.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { anyFlow } from "../arbitrary/flows.ts";
import { printMessages } from "../ofctl.ts";

function write(terms: readonly MatchTerm[]): string {
  const w = new Writer();
  encodeTerms(w, terms);
  return Buffer.from(w.finish()).toString("hex");
}

function read(hex: string): Match {
  return decodeTerms(new Reader(Buffer.from(hex, "hex")));
}

describe("a match whose sender has other habits than Open vSwitch", () => {
  it("is equal to what it means, and written again in the order in which it came", () => {
    const shuffled = anyFlow.chain(({ match }) =>
      fc.tuple(fc.constant(match), fc.shuffledSubarray([...match], { minLength: match.length })),
    );
    fc.assert(
      fc.property(shuffled, ([match, order]) => {
        const sent = order.map((term) => write([term])).join("");
        const back = read(sent);
        assert.deepEqual(back, match);
        assert.equal(write(back), sent);
        assert.equal(write([...back]), write(match));
      }),
      { numRuns: 1000 },
    );
  });

  const cases: readonly (readonly [what: string, sent: string, usual: string])[] = [
    ["all bits of tcp_flags", "8000550400020fff", "800054020002"],
    ["all bits of ipv6_label", "8000390800000005000fffff", "8000380400000005"],
    ["a register by itself", "0001000400000007", "800101100000000700000000ffffffff00000000"],
    ["NXM's in_port and ip_src", "00000002000300000e040a000001", "8000000400000003800016040a000001"],
  ];
  for (const [what, sent, usual] of cases)
    it(`is written again with ${what}`, () => {
      const match = read(sent);
      assert.equal(write(match), sent);
      assert.equal(write([...match]), usual);
      assert.deepEqual(read(usual), match);
    });

  it("has an exact vlan_tci of 0 where NXM says so, which is more than that there is no tag", () => {
    assert.deepEqual(read("000008020000"), [{ field: "vlan_tci", value: 0 }]);
    assert.deepEqual(read("80000c020000"), [{ field: "vlan_vid", value: 0 }]);
  });

  it("chooses buckets under the number that Netronome's had at first", () => {
    const selection = { method: "hash", parameter: 0n, fields: [], hasOldNumber: true } as const;
    const group = { groupId: 1, type: "select", buckets: [], selection } as const;
    const bytes = encode({ type: "group_mod", command: "add", group, commandBucketId: 0xffff_ffff }, 1);
    assert.ok(Buffer.from(bytes).toString("hex").includes("0000154000000001"));
    const { message } = decode(bytes);
    assert.ok(message.type === "group_mod");
    assert.deepEqual(message.group, group);
    assert.equal(formatMessage(bytes).trimEnd(), printMessages([bytes])[0]);
  });
});
