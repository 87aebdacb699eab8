import assert from "node:assert/strict";
import { formatIp, type Ip, parseIp } from "#base/address.ts";
import type { Group } from "#openflow/flow.ts";
import { LARGEST_ID, numberEndpoints } from "#pipeline/features/service/groups.ts";
import { MOST_BUCKETS } from "#pipeline/model/service-groups.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { isSameGroup } from "#pipeline/switch-state.ts";
import { batch, node, SETTINGS } from "./samples.ts";

const PER_SLICE = 100;
const SELF = node("n1", ["10.10.1.0/24"], ["172.18.0.1"]);

function service(more: object = {}): RawChange {
  const spec = { clusterIPs: ["10.96.0.1"], ports: [{ port: 80 }], ...more };
  return { kind: "Service", key: "shop/web", object: { spec } };
}

const addressOf = (i: number): string => `10.32.${i >> 8}.${i & 255}`;

function slice(number: number, addresses: readonly string[]): RawChange {
  const object = {
    metadata: { labels: { "kubernetes.io/service-name": "web" } },
    ...{ addressType: "IPv4", ports: [{ port: 8080 }] },
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  };
  return { kind: "EndpointSlice", key: `shop/web-${number}`, object: addresses.length === 0 ? undefined : object };
}

/** As controllers write so many endpoints, and nothing of those beyond, of which there were `before`. */
function slices(count: number, before = count): readonly RawChange[] {
  return Array.from({ length: Math.ceil(Math.max(count, before) / PER_SLICE) }, (_, number) => {
    const first = number * PER_SLICE;
    const addresses = Array.from({ length: Math.min(PER_SLICE, Math.max(count - first, 0)) }, (_one, i) => first + i);
    return slice(number, addresses.map(addressOf));
  });
}

function pipelineOf(...changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(SELF, ...changes));
  return pipeline;
}

/** The endpoints in the groups to which a flow of the service leads, by group. */
function reached(pipeline: Pipeline): ReadonlyMap<number, readonly string[]> {
  const groups = new Map([...pipeline.desired.groups].map(([id, { group }]) => [id, group]));
  const named = [...pipeline.desired.flows.values()].flatMap(({ flow }) =>
    flow.actions.flatMap((action) => (action.type === "group" ? [action.groupId] : [])),
  );
  const found = new Map<number, readonly string[]>();
  const visit = (group: Group): void => {
    const endpoints: string[] = [];
    for (const action of group.buckets.flatMap(({ actions }) => actions)) {
      if (action.type === "group") visit(groups.get(action.groupId)!);
      if (action.type === "ct" && typeof action.nat === "object") endpoints.push(formatIp(action.nat.minAddress as Ip));
    }
    if (endpoints.length > 0) found.set(group.groupId, endpoints);
  };
  for (const id of new Set(named)) visit(groups.get(id)!);
  return found;
}

describe("services with more endpoints than a group can hold", () => {
  for (const count of [1, 500, 501, 1601, 5000])
    it(`reach every one of ${count}, each once, in groups that the switch can describe, evenly`, () => {
      const groups = reached(pipelineOf(service(), ...slices(count)));
      const all = [...groups.values()].flat();
      assert.deepEqual(all.sort(), Array.from({ length: count }, (_, i) => addressOf(i)).sort());
      for (const { length } of groups.values()) {
        assert.ok(length <= MOST_BUCKETS);
        assert.ok(Math.abs(length / (count / groups.size) - 1) < 0.25, `${length} of ${count} in ${groups.size}`);
      }
    });

  it("have one group modified when an endpoint comes, goes or becomes another", () => {
    const pipeline = pipelineOf(service(), ...slices(5000));
    for (const count of [4999, 5000]) {
      const { groups, flows } = pipeline.step(batch(...slices(count).slice(-1)));
      assert.deepEqual(
        [groups.added, groups.changed, groups.removed, flows.added, flows.removed].map(({ size }) => size),
        [0, 1, 0, 0, 0],
      );
    }
  });

  it("are told of endpoints, chosen to fall into one part, that do not fit", () => {
    const chosen: string[] = [];
    for (let i = 0; chosen.length < 2000; i++) {
      const ip = parseIp(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!;
      if (numberEndpoints([{ ip, port: 8080 }])[0]!.id < LARGEST_ID / 8) chosen.push(formatIp(ip));
    }
    const pipeline = pipelineOf(service(), slice(0, chosen));
    assert.deepEqual(
      [...reached(pipeline).values()].map(({ length }) => length),
      [MOST_BUCKETS],
    );
    const told = pipeline.problems().filter(({ object }) => object === "Service shop/web");
    assert.equal(told.length, 1);
    assert.match(told[0]!.message, /^has 1400 endpoints more than its groups can hold/);
  });

  for (const sessionAffinity of ["None", "ClientIP"])
    it(`come to the same whatever they had before, affinity ${sessionAffinity}`, () => {
      const spec = { sessionAffinity };
      const pipeline = pipelineOf(service(spec));
      let before = 0;
      for (const count of [100, 700, 5000, 1500, 501, 500, 2000, 0, 900]) {
        pipeline.step(batch(...slices(count, before)));
        before = count;
        const fresh = pipelineOf(...slices(count), service(spec));
        assert.deepEqual([...pipeline.desired.groups.keys()].sort(), [...fresh.desired.groups.keys()].sort());
        for (const [id, group] of fresh.desired.groups)
          assert.ok(isSameGroup(group, pipeline.desired.groups.get(id)!), `group ${id} of ${count}`);
        assert.deepEqual([...pipeline.desired.flows.keys()].sort(), [...fresh.desired.flows.keys()].sort());
      }
      pipeline.step(batch({ ...service(), object: undefined }));
      assert.equal(pipeline.desired.groups.size, 0);
    });
});
