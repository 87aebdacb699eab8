import assert from "node:assert/strict";
import fc from "fast-check";
import type { Flow } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import { decode, encode } from "#openflow/messages/message.ts";
import { formatActions, formatFlow, parseActions, parseFlow } from "#openflow/text/index.ts";
import { anyAction } from "../arbitrary/actions.ts";
import { anyFlow } from "../arbitrary/flows.ts";
import { addFlow } from "../flow-bytes.ts";
import { normalizeFlows, printMessages } from "../ofctl.ts";
import { sample } from "../sample.ts";

/** A reply to OFPMP_FLOW_DESC that holds the flow, for that is what dump-flows prints. */
function describeFlow(flow: Flow): Uint8Array {
  const desc = {
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
    packets: 0n,
    bytes: 0n,
    duration: 0n,
    ...flow,
  };
  return encode({ type: "multipart_reply", kind: "flow_desc", more: false, body: [desc] }, 1);
}

/** The line of the flow without statistics, and without what --no-stats leaves out. */
function withoutStatistics(printed: string): string {
  const line = printed.split("\n")[1] ?? printed;
  return line
    .replace(/^ /, "")
    .replace(/duration=[^,]*, |n_packets=0, n_bytes=0, /g, "")
    .replace(/^cookie=0x0, /, "")
    .replace(/(^|, )table=0, /, "$1");
}

describe("the text of flows", () => {
  it("is what dump-flows --no-stats prints", () => {
    const { values: flows, seed } = sample(anyFlow, 1500);
    const printed = printMessages(flows.map(describeFlow));
    assert.equal(printed.length, flows.length);
    for (const [i, flow] of flows.entries())
      assert.equal(formatFlow(flow), withoutStatistics(printed[i] ?? ""), `seed ${seed}`);
  });

  it("is taken by add-flows, and means the same flow there", () => {
    const { values: flows, seed } = sample(anyFlow, 1500);
    const read = normalizeFlows(flows.map((flow) => formatFlow(flow)));
    const sent = printMessages(flows.map(addFlow));
    assert.equal(read.length, flows.length);
    for (const [i, flow] of flows.entries())
      assert.equal(read[i], sent[i]?.replace(/^.*?\): /, ""), `${formatFlow(flow)} (seed ${seed})`);
  });

  it("is read back as the flow that it was made of", () => {
    fc.assert(
      fc.property(anyFlow, (flow) => {
        assert.deepEqual(parseFlow(formatFlow(flow)), flow);
      }),
      { numRuns: 1000 },
    );
  });

  it("survives the wire", () => {
    fc.assert(
      fc.property(anyFlow, (flow) => {
        const { message } = decode(addFlow(flow));
        assert.ok(message.type === "flow_mod");
        const { table, priority, match: terms, actions, cookie } = message;
        assert.deepEqual(
          { table, priority, match: terms, actions, cookie },
          { table: flow.table, priority: flow.priority, match: flow.match, actions: flow.actions, cookie: flow.cookie },
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("reads each action back, whatever the packet is", () => {
    fc.assert(
      fc.property(anyAction, (action) => {
        assert.deepEqual(parseActions(formatActions([action])), [action]);
      }),
      { numRuns: 1000 },
    );
  });

  it("has names for tables and ports, in quotes where they are not plain words", () => {
    const flow: Flow = {
      table: 10,
      priority: 5,
      cookie: 0n,
      match: match({ in_port: 3 }),
      actions: [
        { type: "output", port: 4 },
        { type: "resubmit", table: 20 },
        { type: "goto_table", table: 30 },
      ],
    };
    const names = {
      tableNames: new Map([
        [10, "Classify"],
        [20, "east-west"],
        [30, "Output"],
      ]),
      portNames: new Map([
        [3, "weir-gw0"],
        [4, "eth0"],
      ]),
    };
    const text = formatFlow(flow, names);
    assert.equal(
      text,
      'table=Classify, priority=5,in_port="weir-gw0" actions=output:eth0,resubmit(,"east-west"),goto_table:Output',
    );
    assert.deepEqual(parseFlow(text, names), flow);
  });
});
