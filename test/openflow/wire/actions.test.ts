import assert from "node:assert/strict";
import fc from "fast-check";
import type { Action } from "#openflow/actions.ts";
import { formatActions } from "#openflow/text/index.ts";
import { decodeActions, encodeActions } from "#openflow/wire/actions.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { anyAction } from "../arbitrary/actions.ts";
import { judgeActions } from "../ofctl.ts";
import { sample } from "../sample.ts";

function encode(actions: readonly Action[]): Uint8Array {
  const w = new Writer();
  encodeActions(w, actions);
  return w.finish();
}

describe("actions on the wire", () => {
  it("are the bytes and the text that Open vSwitch has for them", () => {
    const { values: actions, seed } = sample(anyAction, 3000);
    const judged = judgeActions(actions.map((action) => encode([action])));
    assert.equal(judged.length, actions.length);
    for (const [i, action] of actions.entries())
      assert.deepEqual({ ...judged[i], seed }, { text: formatActions([action]), differences: [], seed });
  });

  it("are read back as they were written", () => {
    fc.assert(
      fc.property(fc.array(anyAction, { maxLength: 5 }), (actions) => {
        assert.deepEqual(decodeActions(new Reader(encode(actions))), actions);
      }),
      { numRuns: 1000 },
    );
  });
});
