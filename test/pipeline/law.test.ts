import assert from "node:assert/strict";
import fc from "fast-check";
import type { Flow, Group } from "#openflow/flow.ts";
import { createDesired, type Desired } from "#pipeline/desired.ts";
import { createEngine } from "#pipeline/engine.ts";
import type { Feature } from "#pipeline/feature.ts";
import { createFeatures } from "#pipeline/features/features.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { RawChange } from "#pipeline/source.ts";
import { change, history, lastWords, settings } from "./histories.ts";
import { findAmbiguity } from "./overlap.ts";
import { batch, gone, node, port, SETTINGS, underlay } from "./samples.ts";

/**
 * The law of the engine: output is a function of current state only. Whatever happened before (repeats, deletes of the
 * unknown, objects that come back otherwise, malformed ones in between), the desired state equals that of a fresh start.
 */

function snapshot(desired: Desired, problems: readonly Problem[]): unknown {
  return {
    flows: [...desired.flows].sort(([a], [b]) => (a < b ? -1 : 1)),
    groups: [...desired.groups].sort(([a], [b]) => a - b),
    host: desired.host(),
    problems: problems.map((problem) => JSON.stringify(problem)).sort(),
  };
}

function snapshotOf(pipeline: Pipeline): unknown {
  return snapshot(pipeline.desired, pipeline.problems());
}

function startedWith(chosen: Settings, changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(chosen, ["test"]);
  pipeline.step(batch(...changes));
  return pipeline;
}

/** Follows the deltas as a switch does, which must know every flow that is changed or removed, and none that is added. */
class Follower {
  readonly flows = new Map<string, Flow>();
  readonly groups = new Map<number, Group>();
  host: unknown;

  follow({ flows, groups, host }: ReturnType<Pipeline["step"]>): void {
    for (const [key, { flow }] of flows.removed) {
      assert.deepEqual(this.flows.get(key), flow, `removed what was not there: ${key}`);
      this.flows.delete(key);
    }
    for (const [key, [from, to]] of flows.changed) {
      assert.deepEqual(this.flows.get(key), from.flow, `changed what was not there: ${key}`);
      this.flows.set(key, to.flow);
    }
    for (const [key, { flow }] of flows.added) {
      assert.ok(!this.flows.has(key), `added what was there: ${key}`);
      this.flows.set(key, flow);
    }
    for (const [id, { group }] of groups.removed) {
      assert.deepEqual(this.groups.get(id), group, `removed what was not there: group ${id}`);
      this.groups.delete(id);
    }
    for (const [id, [from, to]] of groups.changed) {
      assert.deepEqual(this.groups.get(id), from.group, `changed what was not there: group ${id}`);
      this.groups.set(id, to.group);
    }
    for (const [id, { group }] of groups.added) {
      assert.ok(!this.groups.has(id), `added what was there: group ${id}`);
      this.groups.set(id, group);
    }
    if (host !== undefined) {
      assert.notDeepEqual(host, this.host, "told of a host that is as it was");
      this.host = host;
    }
  }
}

function checkLaw(chosen: Settings, batches: readonly (readonly RawChange[])[], syncedAt = 0): void {
  const pipeline = createPipeline(chosen, ["test"]);
  const follower = new Follower();
  batches.forEach((changes, i) => {
    follower.follow(pipeline.step({ source: "test", synced: i >= syncedAt, changes }));
  });
  follower.follow(pipeline.step(batch()));
  assert.deepEqual(snapshotOf(pipeline), snapshotOf(startedWith(chosen, lastWords(batches))));
  const wanted = new Map([...pipeline.desired.flows].map(([key, { flow }]) => [key, flow]));
  assert.deepEqual(follower.flows, wanted, "the deltas add up to the desired set");
  const groups = new Map([...pipeline.desired.groups].map(([id, { group }]) => [id, group]));
  assert.deepEqual(follower.groups, groups, "the deltas add up to the desired groups");
  for (const { actions } of wanted.values())
    for (const action of actions) if (action.type === "group") assert.ok(groups.has(action.groupId), "no such group");
  assert.deepEqual(follower.host, pipeline.desired.host(), "the last host state told is the present one");
}

/** The same for one feature alone, so that no other hides what it forgets. */
function checkLawOf(feature: Feature, batches: readonly (readonly RawChange[])[]): void {
  const run = (all: readonly (readonly RawChange[])[]) => {
    const store = createModelStore(["test"]);
    const engine = createEngine([feature]);
    const desired = createDesired();
    desired.apply(engine.recompute(store.view));
    for (const changes of all) desired.apply(engine.step(store.apply(batch(...changes)), store.view));
    return { store, engine, desired };
  };
  const lived = run(batches);
  const fresh = run([lastWords(batches)]);
  const problemsOf = ({ desired }: typeof lived) => [...desired.problems.values(), ...desired.conflicts()];
  assert.deepEqual(snapshot(lived.desired, problemsOf(lived)), snapshot(fresh.desired, problemsOf(fresh)));
  assert.deepEqual(lived.engine.recompute(lived.store.view), []);
}

describe("the law of the engine", () => {
  it("holds over any history, whenever the sources are complete", () => {
    fc.assert(
      fc.property(settings, history, fc.nat(5), (chosen, batches, syncedAt) => checkLaw(chosen, batches, syncedAt)),
      { numRuns: 400 },
    );
  });

  for (const { name } of createFeatures(SETTINGS)) {
    it(`holds for the feature ${name} alone`, () => {
      fc.assert(
        fc.property(settings, history, (chosen, batches) => {
          checkLawOf(createFeatures(chosen).find((feature) => feature.name === name)!, batches);
        }),
        { numRuns: 100 },
      );
    });
  }

  it("leaves nothing behind when everything goes, in whatever order", () => {
    const objects = fc.uniqueArray(change, { maxLength: 8, selector: (one) => `${one.kind} ${one.key}` });
    const teardown = objects.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(settings, teardown, (chosen, [built, order]) => {
        const pipeline = startedWith(chosen, built);
        for (const one of order) pipeline.step(batch(gone(one)));
        assert.deepEqual(snapshotOf(pipeline), snapshotOf(startedWith(chosen, [])));
      }),
      { numRuns: 100 },
    );
  });

  it("has a repeated batch change nothing", () => {
    fc.assert(
      fc.property(settings, fc.array(change, { maxLength: 12 }), (chosen, changes) => {
        const pipeline = startedWith(chosen, lastWords([changes]));
        const again = pipeline.step(batch(...lastWords([changes])));
        assert.equal(again.flows.added.size + again.flows.changed.size + again.flows.removed.size, 0);
        assert.equal(again.host, undefined);
      }),
      { numRuns: 100 },
    );
  });

  it("has a full recompute of a running engine find nothing", () => {
    fc.assert(
      fc.property(settings, history, (chosen, batches) => {
        const pipeline = startedWith(chosen, []);
        for (const changes of batches) pipeline.step(batch(...changes));
        assert.deepEqual(pipeline.engine.recompute(pipeline.view), []);
      }),
      { numRuns: 100 },
    );
  });

  const self = node("n1", ["10.10.1.0/24"], ["172.18.0.1"]);
  const peer = node("n2", ["10.10.2.0/24"], ["172.18.0.2"]);
  const twin = node("n3", ["10.10.2.0/24"], ["172.18.0.3"]);
  const web = port("weir1", 10, ["10.10.1.5"]);
  const twinWeb = port("weir2", 11, ["10.10.1.5"]);
  const histories: Readonly<Record<string, readonly (readonly RawChange[])[]>> = {
    "of two that want the same, the first goes": [[peer, twin], [gone(peer)]],
    "of two that want the same, the second goes": [[peer, twin], [gone(twin)]],
    "two neighbours on one link have one podCIDR, the second by name first": [
      [self, underlay("172.18.0.1/24")],
      [twin],
      [peer],
    ],
    "of two pods with one address, the first goes": [[self], [web, twinWeb], [gone(web)]],
    "the node itself comes last": [[web], [peer], [underlay("172.18.0.1/24")], [self]],
    "the node itself goes first": [[self, peer, web], [gone(self)]],
    "the underlay comes, goes and comes otherwise": [
      [self, peer],
      [underlay("172.18.0.1/24")],
      [gone(underlay())],
      [underlay("172.19.0.1/24")],
    ],
    "deletes come before what they delete": [[gone(web), gone(peer)], [web, peer], [gone(web)]],
    "one batch has an object come, change and go": [[self], [peer, node("n2", ["10.10.7.0/24"], []), gone(peer)]],
    "a node takes over the podCIDR of another in one batch": [
      [self, peer],
      [gone(peer), node("n3", ["10.10.2.0/24"], ["172.18.0.3"])],
    ],
    "an address moves from one port to another": [
      [self, web],
      [port("weir1", 10, ["10.10.1.6"]), twinWeb],
    ],
  };
  for (const [title, batches] of Object.entries(histories)) {
    it(`holds when ${title}`, () => {
      for (const encapsulation of ["always", "never", "hybrid"] as const)
        checkLaw({ nodeName: "n1", encapsulation }, batches);
    });
  }
});

describe("the flows of any state", () => {
  it("are unambiguous, owned, and named by their cookies", () => {
    fc.assert(
      fc.property(settings, history, (chosen, batches) => {
        const pipeline = startedWith(chosen, lastWords(batches));
        const desired = [...pipeline.desired.flows.values()];
        for (const { flow, site, owners } of desired) {
          assert.ok(owners.length > 0);
          assert.equal(siteOfCookie(flow.cookie)?.site, site);
        }
        assert.equal(findAmbiguity(desired.map(({ flow }) => flow)), undefined);
      }),
      { numRuns: 100 },
    );
  });
});
