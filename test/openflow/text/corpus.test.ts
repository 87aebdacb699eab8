import assert from "node:assert/strict";
import { FlowSyntaxError } from "#openflow/errors.ts";
import { formatFlow, parseFlow, parseFlows, parseMatch } from "#openflow/text/index.ts";
import { addFlow } from "../flow-bytes.ts";
import { accepts, normalizeFlows, printMessages } from "../ofctl.ts";
import { REFUSED, STRICTER, TAKEN } from "./corpus.ts";

function refusal(text: string): FlowSyntaxError {
  try {
    parseFlow(text);
  } catch (error) {
    if (error instanceof FlowSyntaxError) return error;
    throw error;
  }
  return assert.fail(`${text} is taken`);
}

describe("reading flows", () => {
  it("takes what add-flow takes, and understands it alike", () => {
    const flows = TAKEN.map((text) => parseFlow(text));
    const theirs = normalizeFlows(TAKEN);
    const ours = printMessages(flows.map(addFlow));
    for (const [i, text] of TAKEN.entries()) assert.equal(ours[i]?.replace(/^.*?\): /, ""), theirs[i], text);
  });

  it("takes what it prints", () => {
    for (const text of TAKEN) {
      const flow = parseFlow(text);
      // Of Ethernet nothing is said, as ovs-ofctl says nothing.
      const said = flow.match.filter(({ field, value }) => field !== "packet_type" || value !== 0);
      assert.deepEqual(parseFlow(formatFlow(flow)), { ...flow, match: said }, text);
    }
  });

  for (const [text, word] of REFUSED)
    it(`refuses "${text}" as add-flow does, and names "${word}"`, () => {
      assert.equal(accepts(text), false, "ovs-ofctl takes it");
      assert.equal(refusal(text).word, word);
      assert.match(refusal(text).message, /^".*": ./s);
    });

  for (const [text, word] of STRICTER)
    it(`refuses "${text}", which add-flow takes for something else`, () => {
      assert.equal(accepts(text), true, "ovs-ofctl refuses it too");
      assert.equal(refusal(text).word, word);
    });

  it("passes over comments and empty lines, and names the line that is wrong", () => {
    const text = "# two flows\n\nadd table=1,actions=drop # the first\ntable=2,ip,actions=output:3\n";
    assert.deepEqual(
      parseFlows(text).map(({ table }) => table),
      [1, 2],
    );
    assert.throws(() => parseFlows(`${text}table=3,actions=bogus`), {
      name: "FlowSyntaxError",
      message: 'line 5: "bogus": is no action',
    });
  });

  it("reads a match alone", () => {
    assert.deepEqual(parseMatch("tcp,nw_dst=10.0.0.0/8,tp_dst=80"), [
      { field: "eth_type", value: 0x0800 },
      { field: "ip_dst", value: 0x0a00_0000, mask: 0xff00_0000 },
      { field: "nw_proto", value: 6 },
      { field: "tcp_dst", value: 80 },
    ]);
    assert.throws(() => parseMatch("priority=5"), FlowSyntaxError);
  });
});
