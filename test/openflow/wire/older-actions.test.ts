import assert from "node:assert/strict";
import { encode } from "#openflow/messages/message.ts";
import { formatActions } from "#openflow/text/index.ts";
import { formatMessage } from "#openflow/text/message/index.ts";
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
      const r = new Reader(Buffer.from(hex, "hex"));
      r.version = 1;
      assert.equal(formatActions(decodeActions(r)), text);
    }
  });

  it("are none where the standard has the same: they are kept, and printed as the error that a switch would answer", () => {
    const hex = "ffff0010000023200004000000000007";
    const actions = decodeActions(new Reader(Buffer.from(hex, "hex")));
    assert.deepEqual(actions, [{ type: "unknown", bytes: new Uint8Array(Buffer.from(hex, "hex")) }]);
    const [judged] = judgeActions([Buffer.from(hex, "hex")]);
    assert.match(judged?.text ?? "", /OFPBAC_BAD_VENDOR_TYPE/);
    const metadata = [{ field: "in_port", value: 1 }] as const;
    const packetOut = { type: "packet_out", bufferId: 1, metadata, actions, data: new Uint8Array(0) } as const;
    assert.match(formatMessage(encode(packetOut, 1)), /: \*\*\*decode error: OFPBAC_BAD_VENDOR_TYPE\*\*\*\n/);
  });
});
