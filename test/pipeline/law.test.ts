import assert from "node:assert/strict";
import fc from "fast-check";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { RawChange } from "#pipeline/source.ts";

/**
 * The law of the engine: output is a function of current state only. Whatever happened before (repeats, deletes of the
 * unknown, objects that come back otherwise, malformed ones in between), the desired state equals that of a fresh start.
 */

const address = fc.constantFrom("172.18.0.1", "172.18.0.2", "172.18.9.3", "fd18::1", "fd18::2", "nonsense");
const podCidr = fc.constantFrom(
  "10.10.1.0/24",
  "10.10.2.0/24",
  "10.10.2.0/25",
  "fd10:1::/64",
  "fd10:2::/64",
  "10.10.1.0/33",
);
const mtu = fc.option(fc.constantFrom("1450", "1430", "many"), { nil: undefined });

const node = fc
  .record({ podCidrs: fc.array(podCidr, { maxLength: 3 }), addresses: fc.array(address, { maxLength: 3 }), mtu })
  .map((n) => ({
    metadata: { uid: "u", annotations: n.mtu === undefined ? {} : { "weir.dev/pod-mtu": n.mtu } },
    spec: { podCIDRs: n.podCidrs },
    status: { addresses: n.addresses.map((a) => ({ type: "InternalIP", address: a })) },
  }));

const port = fc
  .record({
    ofport: fc.constantFrom(10, 11, 12, -1, "ten"),
    mac: fc.constantFrom("0a:58:0a:0a:01:02", "0a:58:0a:0a:01:03", "bad"),
    ips: fc.subarray(["10.10.1.2", "10.10.1.3", "fd10:1::2", "10.10.2.9", "x"]),
    pod: fc.constantFrom("web", "db"),
  })
  .map((p) => ({
    ofport: p.ofport,
    externalIds: {
      "weir-mac": p.mac,
      "weir-ips": p.ips.join(","),
      "weir-pod-namespace": "default",
      "weir-pod-name": p.pod,
    },
  }));

const underlay = fc.record({ networks: fc.subarray(["172.18.0.9/24", "fd18::9/64", "rubbish"]) }).map((u) => ({
  interface: "br-phy",
  mtu: 1500,
  addresses: u.networks,
}));

const malformed = fc.constantFrom<unknown>(
  null,
  7,
  "text",
  [],
  { spec: "no" },
  { spec: { podCIDRs: 5 }, status: { addresses: [1] } },
);

function changesOf(
  kind: RawChange["kind"],
  keys: readonly string[],
  object: fc.Arbitrary<unknown>,
): fc.Arbitrary<RawChange> {
  return fc.record({
    kind: fc.constant(kind),
    key: fc.constantFrom(...keys),
    object: fc.oneof(
      { weight: 5, arbitrary: object },
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: malformed },
    ),
  });
}

const change = fc.oneof(
  changesOf("Node", ["n1", "n2", "n3"], node),
  changesOf("Port", ["weir1", "weir2", "weir3"], port),
  changesOf("Underlay", ["underlay"], underlay),
  changesOf(
    "Pod",
    ["default/web"],
    fc.constant({ spec: { nodeName: "n1" }, status: { podIPs: [{ ip: "10.10.1.2" }] } }),
  ),
  changesOf("Namespace", ["default"], fc.constant({ metadata: { labels: { a: "b" } } })),
);
const history = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 25 });
const settings = fc.constantFrom<Settings>(
  { nodeName: "n1", encapsulation: "always" },
  { nodeName: "n1", encapsulation: "never" },
  { nodeName: "n1", encapsulation: "hybrid" },
);

function snapshot(pipeline: Pipeline): unknown {
  const bySite = [...pipeline.desired.flows].sort(([a], [b]) => (a < b ? -1 : 1));
  const problems = pipeline
    .problems()
    .map((problem) => JSON.stringify(problem))
    .sort();
  return { flows: bySite, host: pipeline.desired.host(), problems };
}

function fresh(chosen: Settings, current: ReadonlyMap<string, RawChange>): Pipeline {
  const pipeline = createPipeline(chosen, ["test"]);
  pipeline.step({ source: "test", synced: true, changes: [...current.values()].filter((c) => c.object !== undefined) });
  return pipeline;
}

describe("the law of the engine", () => {
  it("incremental work over any history gives what a recompute of the final state gives", () => {
    fc.assert(
      fc.property(settings, history, fc.nat(5), (chosen, batches, syncedAt) => {
        const pipeline = createPipeline(chosen, ["test"]);
        const current = new Map<string, RawChange>();
        const installed = new Map<string, unknown>();
        batches.forEach((changes, i) => {
          for (const one of changes) current.set(`${one.kind} ${one.key}`, one);
          const { flows } = pipeline.step({ source: "test", synced: i >= syncedAt, changes });
          for (const key of flows.removed.keys())
            assert.ok(installed.delete(key), `removed what was not there: ${key}`);
          for (const [key, [, to]] of flows.changed) {
            assert.ok(installed.has(key), `changed what was not there: ${key}`);
            installed.set(key, to.flow);
          }
          for (const [key, to] of flows.added) {
            assert.ok(!installed.has(key), `added what was there: ${key}`);
            installed.set(key, to.flow);
          }
        });
        pipeline.step({ source: "test", synced: true, changes: [] }).flows.added.forEach((to, key) => {
          installed.set(key, to.flow);
        });
        assert.deepEqual(snapshot(pipeline), snapshot(fresh(chosen, current)));
        const wanted = new Map([...pipeline.desired.flows].map(([key, desired]) => [key, desired.flow]));
        assert.deepEqual(installed, wanted, "the deltas add up to the desired set");
      }),
      { numRuns: 300 },
    );
  });

  it("a repeated batch changes nothing", () => {
    fc.assert(
      fc.property(settings, fc.array(change, { maxLength: 12 }), (chosen, changes) => {
        const last = [...new Map(changes.map((one) => [`${one.kind} ${one.key}`, one])).values()];
        const pipeline = createPipeline(chosen, ["test"]);
        pipeline.step({ source: "test", synced: true, changes: last });
        const again = pipeline.step({ source: "test", synced: true, changes: last });
        assert.equal(again.flows.added.size + again.flows.changed.size + again.flows.removed.size, 0);
        assert.equal(again.host, undefined);
      }),
      { numRuns: 100 },
    );
  });

  it("a full recompute of a running engine finds nothing to change", () => {
    fc.assert(
      fc.property(settings, history, (chosen, batches) => {
        fc.pre(batches.length > 0);
        const pipeline = createPipeline(chosen, ["test"]);
        for (const changes of batches) pipeline.step({ source: "test", synced: true, changes });
        for (const revision of pipeline.engine.recompute(pipeline.view))
          assert.deepEqual(revision.after, revision.before);
      }),
      { numRuns: 100 },
    );
  });
});
