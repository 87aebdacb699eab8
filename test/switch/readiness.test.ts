import assert from "node:assert/strict";
import { createReadiness } from "#controller/node/switch/readiness.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { batch, node, port, SETTINGS } from "#test/pipeline/samples.ts";

const WEB = port("weir0", 10, ["10.10.1.2"], "shop/web");
const DENY = { kind: "NetworkPolicy", key: "shop/deny", object: { spec: { podSelector: {} } } } as const;
const POD = { kind: "Pod", key: "shop/web", object: { spec: { nodeName: "n1" } } } as const;

describe("a pod's port is ready", () => {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(node("n1", ["10.10.1.0/24"], ["172.18.0.1"]), DENY, POD, WEB));
  const siteOf = (key: string) => pipeline.desired.flows.get(key)?.site;

  it("when its own flows are in the switch and those that isolate it are, and not before", async () => {
    let isIsolated = false;
    const readiness = createReadiness(pipeline.engine, (key) => ({
      state: siteOf(key) === "policies/isolation" && !isIsolated ? "pending" : "installed",
    }));
    let isReady = false;
    const ready = readiness.whenInstalled("weir0", new AbortController().signal).then(() => {
      isReady = true;
    });
    readiness.settle();
    await new Promise(setImmediate);
    assert.equal(isReady, false);
    assert.equal(readiness.describe("weir0"), "flows are on their way to the switch");
    isIsolated = true;
    readiness.settle();
    await ready;
    assert.equal(readiness.describe("weir0"), "ready");
  });

  it("never when the switch refused what isolates it", async () => {
    const readiness = createReadiness(pipeline.engine, (key) =>
      siteOf(key) === "policies/isolation"
        ? { state: "failed", why: "the table is full", since: new Date() }
        : { state: "installed" },
    );
    const refused = readiness.whenInstalled("weir0", new AbortController().signal);
    await assert.rejects(refused, /the switch refused a flow of weir0: the table is full/);
  });
});
