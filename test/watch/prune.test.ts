import assert from "node:assert/strict";
import { createPrune } from "#controller/watch/prune.ts";

describe("what is kept of an object", () => {
  it("is the fields named, each whole", () => {
    const prune = createPrune("metadata.name", "metadata.labels", "spec.absent");
    const object = { metadata: { name: "a", uid: "u", labels: { x: { y: 1 } } }, spec: { more: true } };
    assert.deepEqual(prune(object), { metadata: { name: "a", labels: { x: { y: 1 } } }, spec: {} });
    assert.equal(prune(undefined), undefined);
  });

  it("is one key of a map, with dots in it or without", () => {
    const prune = createPrune("metadata.annotations[example.com/a.b]");
    const annotations = { "example.com/a.b": "1", other: "2" };
    assert.deepEqual(prune({ metadata: { annotations } }), { metadata: { annotations: { "example.com/a.b": "1" } } });
  });

  it("is every key of a map behind a prefix", () => {
    const prune = createPrune("metadata.annotations[example.com/*]");
    const annotations = { "example.com/a": "1", "example.com/b.c": "2", "example.community/a": "3", other: "4" };
    assert.deepEqual(prune({ metadata: { annotations } }), {
      metadata: { annotations: { "example.com/a": "1", "example.com/b.c": "2" } },
    });
    assert.deepEqual(prune({ metadata: { name: "a" } }), { metadata: {} });
  });

  it("is, of each member of a list, the fields named", () => {
    const prune = createPrune("containers[].ports", "containers[].name");
    const containers = [{ name: "a", image: "x", ports: [{ port: 1 }] }, {}, null, 7];
    assert.deepEqual(prune({ containers }), { containers: [{ name: "a", ports: [{ port: 1 }] }, {}, null, 7] });
  });

  it("is, of a list, the members that a field selects, and of them the fields named", () => {
    const prune = createPrune("conditions[type=Ready].type", "conditions[type=Ready].status");
    const ready = { type: "Ready", status: "True", heartbeat: "12:00" };
    assert.deepEqual(prune({ conditions: [{ type: "Other", status: "False" }, null, 7, ready] }), {
      conditions: [{ type: "Ready", status: "True" }],
    });
    assert.deepEqual(prune({ conditions: "none" }), { conditions: "none" });
  });
});
