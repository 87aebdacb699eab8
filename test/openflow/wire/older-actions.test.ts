import assert from "node:assert/strict";
import { formatActions } from "#openflow/text/index.ts";
import { decodeActions } from "#openflow/wire/actions.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { judgeActions } from "../ofctl.ts";

/** Open vSwitch's own actions of before OpenFlow had one for the same, as OpenFlow 1.0 carries them. */
const OLDER: readonly (readonly [hex: string, text: string])[] = [
  ["ffff0010000023200002000000000005", "set_tunnel:0x5"],
  ["ffff0010000023200004000000000007", "set_queue:7"],
  ["ffff00180000232000060010000000080000000200010004", "move:NXM_OF_IN_PORT[]->NXM_NX_REG0[8..23]"],
  ["ffff001800002320000701cf000100040000000000000012", "load:0x12->NXM_NX_REG0[7..22]"],
  ["ffff001800002320000701cf000100040000000000000000", "load:0->NXM_NX_REG0[7..22]"],
  ["ffff00180000232000090000000000000000000000000005", "set_tunnel64:0x5"],
  ["ffff0010000023200012000000000000", "dec_ttl"],
  ["ffff0010000023200017884700000000", "push_mpls:0x8847"],
  ["ffff0010000023200018080000000000", "pop_mpls:0x0800"],
  ["ffff0010000023200019050000000000", "set_mpls_ttl(5)"],
  ["ffff001000002320001a000000000000", "dec_mpls_ttl"],
  ["ffff001000002320001e000000000005", "set_mpls_label(5)"],
  ["ffff001000002320001f050000000000", "set_mpls_tc(5)"],
  ["ffff00180000232000210001010800000005000000ff0000", "set_field:0x5/0xff->reg0"],
  ["ffff0010000023200028000000000005", "group:5"],
];

describe("older actions of Open vSwitch", () => {
  it("are read and shown as it shows them", () => {
    const judged = judgeActions(
      OLDER.map(([hex]) => Buffer.from(hex, "hex")),
      "OpenFlow10",
    );
    for (const [i, [hex, text]] of OLDER.entries()) {
      assert.equal(judged[i]?.text, text);
      assert.equal(formatActions(decodeActions(new Reader(Buffer.from(hex, "hex")))), text);
    }
  });
});
