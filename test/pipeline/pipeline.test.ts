import assert from "node:assert/strict";
import { createEngine } from "#pipeline/engine.ts";
import { createFeatures } from "#pipeline/features/features.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import { createPipeline, type Step } from "#pipeline/pipeline.ts";
import { batch, gone, node, port, SETTINGS, underlay } from "./samples.ts";

const cluster = [
  node("n1", ["10.10.1.0/24"], ["172.18.0.1"]),
  node("n2", ["10.10.2.0/24"], ["172.18.0.2"]),
  node("n3", ["10.10.3.0/24"], ["172.18.0.3"]),
  port("weir1", 10, ["10.10.1.5"]),
  port("weir2", 11, ["10.10.1.6"]),
];

/** The sites that a step touches, each with a sign for what happens there. */
function signs({ flows }: Step): string[] {
  const sign = (mark: string) => (one: { site: string }) => `${mark}${one.site}`;
  return [
    ...[...flows.added.values()].map(sign("+")),
    ...[...flows.changed.values()].map(([, to]) => sign("~")(to)),
    ...[...flows.removed.values()].map(sign("-")),
  ].sort();
}

describe("a step of the pipeline", () => {
  it("brings nothing out before every source is complete, and then everything at once", () => {
    const pipeline = createPipeline(SETTINGS, ["api", "ports"]);
    for (const [i, change] of cluster.entries()) {
      const { flows, host, first } = pipeline.step({ source: "api", synced: i === 4, changes: [change] });
      assert.deepEqual([flows.added.size, host, first], [0, undefined, false]);
    }
    assert.equal(pipeline.isSynced(), false);
    const step = pipeline.step({ source: "ports", synced: true, changes: [] });
    assert.equal(step.first, true);
    assert.equal(step.flows.added.size, pipeline.desired.flows.size);
    assert.deepEqual(step.host?.gatewayAddresses, ["10.10.1.1/24"]);
    assert.equal(pipeline.step({ source: "ports", synced: true, changes: [] }).first, false);
  });

  it("costs what the change touches: a peer's new address, that peer's flows and no other's", () => {
    const pipeline = createPipeline(SETTINGS, ["test"]);
    pipeline.step(batch(...cluster));
    const moved = pipeline.step(batch(node("n2", ["10.10.2.0/24"], ["172.18.0.9"])));
    assert.deepEqual(signs(moved), ["+nodes/peer-address", "-nodes/peer-address", "~nodes/peer"]);
    assert.deepEqual(moved.host?.nodeAddresses, ["172.18.0.1", "172.18.0.3", "172.18.0.9"]);

    const renumbered = pipeline.step(batch(node("n2", ["10.10.7.0/24"], ["172.18.0.9"])));
    assert.deepEqual(signs(renumbered), ["+nodes/peer", "-nodes/peer"]);

    const left = pipeline.step(batch(gone(node("n2", [], []))));
    assert.deepEqual(signs(left), ["-nodes/peer", "-nodes/peer-address"]);
  });

  it("derives the keys that a change touches, and says nothing of one that gives what it gave", () => {
    const store = createModelStore(["test"]);
    const derived: string[] = [];
    const features = createFeatures({ nodeName: "n1", encapsulation: "hybrid" }).map((feature) => ({
      ...feature,
      derive(...args: Parameters<typeof feature.derive>) {
        derived.push(`${feature.name}/${args[0]}`);
        return feature.derive(...args);
      },
    }));
    const engine = createEngine(features);
    engine.recompute(store.view);
    const stepOf = (...changes: typeof cluster) => {
      derived.length = 0;
      const revisions = engine.step(store.apply(batch(...changes)), store.view);
      return { derived: [...derived].sort(), revised: revisions.map(({ contributor }) => contributor).sort() };
    };
    const keys = ["nodes/n1", "nodes/n2", "nodes/n3", "pods/weir1", "pods/weir2"];
    const ofServices = ["services/node", "services/port weir1", "services/port weir2"];
    // Whose an address is, and what policies say of a port, no policy asks yet.
    const asked = ["policies/peer 10.10.1.5/32", "policies/peer 10.10.1.6/32"];
    const all = [
      ...keys,
      ...asked,
      "policies/subject weir1",
      "policies/subject weir2",
      "services/networks",
      ...ofServices,
    ];
    assert.deepEqual(stepOf(...cluster), { derived: all.sort(), revised: [...keys, ...ofServices] });
    assert.deepEqual(stepOf(...cluster), { derived: [], revised: [] });
    assert.deepEqual(stepOf(port("weir1", 12, ["10.10.1.5"])), {
      derived: ["pods/weir1", "policies/subject weir1", "services/port weir1"],
      revised: ["pods/weir1", "services/port weir1"],
    });
    const peer = { derived: ["nodes/n2"], revised: ["nodes/n2"] };
    assert.deepEqual(stepOf(node("n2", ["10.10.2.0/24"], ["172.18.0.9"])), peer);
    // On which link the node is concerns every peer, and of these it turns out to be n2 alone.
    const link = { derived: ["nodes/n1", "nodes/n2", "nodes/n3"], revised: ["nodes/n2"] };
    assert.deepEqual(stepOf(underlay("172.18.0.9/29")), link);
    assert.deepEqual(stepOf({ kind: "Namespace", key: "default", object: {} }), { derived: [], revised: [] });
  });
});
