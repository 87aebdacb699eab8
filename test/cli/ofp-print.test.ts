import assert from "node:assert/strict";
import { printMessages } from "../openflow/ofctl.ts";
import { weirctl } from "./run.ts";

/** A flow that matches a field which nobody knows. */
const REFUSED =
  "060e004000000001000000000000000000000000000000000000000000008000ffffffffffffffffffffffff000000000001000c80007e040102030400000000";
const UNREADABLE = "060e000c0000000100000000";

describe("weirctl ofp-print", () => {
  it("shows what ovs-ofctl ofp-print shows of a message that a switch would refuse", async () => {
    const bytes = Buffer.from(REFUSED, "hex");
    const { code, out, err } = await weirctl(["ofp-print", REFUSED]);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^OFPT_FLOW_MOD \(OF1\.5\) \(xid=0x1\): \*\*\*decode error: OFP/);
    assert.deepEqual([out.trimEnd()], printMessages([bytes]));
  });

  it("shows one that cannot be read too, says what is wrong with it, and goes on", async () => {
    const { code, out, err } = await weirctl(["ofp-print", UNREADABLE, "0602000800000001"]);
    assert.equal(code, 1);
    assert.match(out, /^\*\*\*decode error: OFPBRC_BAD_LEN\*\*\*\n00000000 {2}06 0e 00 0c/);
    assert.ok(out.endsWith("OFPT_ECHO_REQUEST (OF1.5) (xid=0x1): 0 bytes of payload\n"));
    assert.match(err, /^weirctl: argument 1: .*4 bytes are no length that it may have/);
  });
});
