import assert from "node:assert/strict";
import type { Action } from "#openflow/actions.ts";
import { DecodeError } from "#openflow/errors.ts";
import { decode, encode, type MessageOf } from "#openflow/messages/message.ts";
import { formatActions, parseActions } from "#openflow/text/index.ts";
import { formatMessage } from "#openflow/text/message/index.ts";
import { decodeInstructions, encodeInstructions } from "#openflow/wire/instructions.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";

/*
 * What came after the Open vSwitch that judges the other tests. The bytes are those of its nicira-ext.h and of the structs that
 * ofp-actions.c and ofp-ct.c have, the texts those that the same files write.
 */

function encodeApplied(action: Action): string {
  const w = new Writer();
  encodeInstructions(w, [action]);
  return Buffer.from(w.finish()).subarray(8).toString("hex");
}

function decodeApplied(hex: string): readonly Action[] {
  const bytes = Buffer.from(hex, "hex");
  const head = Buffer.from([0, 4, 0, bytes.length + 8, 0, 0, 0, 0]);
  return decodeInstructions(new Reader(Buffer.concat([head, bytes])));
}

describe("sample of Open vSwitch 3.4", () => {
  const reg0 = { field: "reg0", start: 0, bits: 32 } as const;
  const mark = { field: "ct_mark", start: 8, bits: 16 } as const;
  const cases: readonly (readonly [text: string, action: Action, hex: string])[] = [
    [
      "sample(probability=100,collector_set_id=1,obs_domain_id=NXM_NX_REG0[],obs_point_id=NXM_NX_CT_MARK[8..23])",
      {
        ...{ type: "sample", probability: 100, collectorSetId: 1 },
        ...{ observationDomainId: reg0, observationPointId: mark },
      },
      "ffff0028000023200033006400000001000100" + "04001f00000001d604020f0000ffff000000000000",
    ],
    [
      "sample(probability=65535,collector_set_id=2,obs_domain_id=7,obs_point_id=NXM_NX_REG0[],sampling_port=3,egress)",
      {
        ...{ type: "sample", probability: 65535, collectorSetId: 2, samplingPort: 3, direction: "egress" },
        ...{ observationDomainId: 7, observationPointId: reg0 },
      },
      "ffff0028000023200033ffff00000002000000" + "000000000700010004001f00000003020000000000",
    ],
  ];
  for (const [text, action, hex] of cases)
    it(`is written, read, printed and parsed: ${text}`, () => {
      assert.equal(encodeApplied(action), hex);
      assert.deepEqual(decodeApplied(hex), [action]);
      assert.equal(formatActions([action]), text);
      assert.deepEqual(parseActions(text), [action]);
    });

  it("takes no more than 32 bits", () => {
    const wide = { field: "metadata", start: 0, bits: 64 } as const;
    const action = { type: "sample", probability: 1, collectorSetId: 1, observationPointId: 1 } as const;
    assert.throws(() => encodeApplied({ ...action, observationDomainId: wide }), { name: "EncodeError" });
    assert.throws(() => parseActions("sample(probability=1,obs_point_id=OXM_OF_METADATA[])"), /more than the 32/);
    assert.deepEqual(parseActions("sample(probability=1,obs_point_id=OXM_OF_METADATA[32..63])"), [
      {
        ...{ type: "sample", probability: 1, collectorSetId: 0, observationDomainId: 0 },
        observationPointId: { field: "metadata", start: 32, bits: 32 },
      },
    ]);
    assert.throws(() => parseActions("sample(probability=1,obs_point_id=bogus)"), /bogus/);
  });

  it("was written with a number in a form of its own before, and is so still", () => {
    const [action] = parseActions("sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4)");
    assert.equal(encodeApplied(action!), "ffff001800002320001d0001000000020000000300000004");
  });
});

describe("ct-flush of Open vSwitch 3.3", () => {
  const HEAD = "00002320000000200600000000000000";
  const TEXT =
    "'ct_ipv6_src=::,ct_ipv6_dst=::,ct_tp_src=0,ct_tp_dst=0,ct_nw_proto=6' 'ct_ipv6_src=::,ct_ipv6_dst=::,ct_tp_src=0,ct_tp_dst=0'";
  const label = (1n << 64n) | 5n;
  const cases: readonly (readonly [
    what: string,
    properties: MessageOf<"nxt_ct_flush">["properties"],
    hex: string,
    text: string,
  ])[] = [
    ["a mark", { mark: 0x1f }, "000300080000001f", "mark=0x1f "],
    ["a masked mark", { mark: 1, markMask: 3 }, "00030008000000010004000800000003", "mark=0x1/0x3 "],
    ["the mark 0", { mark: 0 }, "0003000800000000", "mark=0 "],
    ["a mask of no bit", { mark: 7, markMask: 0 }, "00030008000000070004000800000000", ""],
    ["labels", { labels: label }, "000500140000000000000001000000000000000500000000", "labels=0x10000000000000005 "],
    [
      "masked labels behind a zone",
      { zone: 9, labels: 5n, labelsMask: 0xffn },
      "0002000800090000000500140000000000000000000000000000000500000000000600140000000000000000000000000000" +
        "00ff00000000",
      "labels=0x5/0xff ",
    ],
  ];
  for (const [what, properties, hex, text] of cases)
    it(`names ${what}`, () => {
      const bytes = encode({ type: "nxt_ct_flush", ipProto: 6, properties }, 1);
      const length = bytes.length.toString(16).padStart(4, "0");
      assert.equal(Buffer.from(bytes).toString("hex"), `0604${length}00000001${HEAD}${hex}`);
      assert.deepEqual(decode(bytes).message, { type: "nxt_ct_flush", ipProto: 6, properties });
      assert.equal(
        formatMessage(bytes),
        `NXT_CT_FLUSH (OF1.5) (xid=0x1): zone=${properties.zone ?? 0} ${text}${TEXT}\n`,
      );
    });

  it("has marks of 32 bits and labels of 128", () => {
    const bytes = encode({ type: "nxt_ct_flush", ipProto: 6, properties: { mark: 1 } }, 1);
    bytes[27] = 6;
    assert.throws(() => decode(bytes), DecodeError);
  });
});
