import assert from "node:assert/strict";
import { GROUPS } from "#controller/node/switch/entry-kinds.ts";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { parseManifest, toChange } from "#controller/node/watch/manifests/parse.ts";
import { encode } from "#openflow/index.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createRandom } from "#test/support/random.ts";
import { malformedServices } from "#test/support/service-malformed.ts";
import { batch, node, port, SETTINGS } from "./samples.ts";

const SOUND: readonly RawChange[] = [
  node("n1", ["10.10.1.0/24"], ["172.18.0.1"]),
  { kind: "ServiceCIDR", key: "kubernetes", object: { metadata: {}, spec: { cidrs: ["10.96.0.0/15"] } } },
  port("weir0", 10, ["10.10.1.5"]),
  ...["web", "db", "dns"].flatMap((name, i): RawChange[] => [
    {
      kind: "Service",
      key: `default/${name}`,
      object: { metadata: {}, spec: { clusterIPs: [`10.96.0.${i + 1}`], ports: [{ port: 80 }] } },
    },
    {
      kind: "EndpointSlice",
      key: `default/${name}-4`,
      object: {
        metadata: { labels: { "kubernetes.io/service-name": name } },
        ...{ addressType: "IPv4", ports: [{ port: 8080 }], endpoints: [{ addresses: [`10.10.1.${i + 5}`] }] },
      },
    },
  ]),
];

describe("hundreds of malformed Services and EndpointSlices", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 32);
  const broken = malformedServices(1000, createRandom(seed)).flatMap((object) =>
    parseManifest(JSON.stringify(object)).objects.map(toChange),
  );

  function stateAfter(...steps: readonly (readonly RawChange[])[]) {
    const pipeline = createPipeline(SETTINGS, ["test"]);
    for (const changes of steps) pipeline.step(batch(...changes));
    return pipeline;
  }
  const ofSound = ({ owners }: { readonly owners: readonly { readonly name: string }[] }): boolean =>
    owners.every(({ name }) => !name.startsWith("default/broken-"));

  it(`change nothing of what stands beside them, and what they come to is what a switch can be told (SEED=${seed})`, () => {
    assert.ok(broken.length > 1500);
    const { desired } = stateAfter(SOUND);
    const among = stateAfter(broken, SOUND);
    const flows = [...among.desired.flows].filter(([, flow]) => ofSound(flow));
    assert.deepEqual(new Map(flows), desired.flows);
    const groups = [...among.desired.groups].filter(([, group]) => ofSound(group));
    assert.deepEqual(new Map(groups), desired.groups);
    for (const { flow } of among.desired.flows.values()) encode(addFlow(flow), 1);
    for (const { group } of among.desired.groups.values()) encode(GROUPS.put(group, undefined), 1);
  });

  it(`are told of, each by its own name and field (SEED=${seed})`, () => {
    const { problems } = stateAfter(broken);
    const names = new Set(problems().map(({ object }) => object));
    assert.ok(names.size > 500, `${names.size}`);
    for (const { object, field, message } of problems()) {
      assert.match(object, /^(Service|EndpointSlice) default\/broken-\d+(-4)?$/);
      assert.ok(field !== "" && message !== "", object);
    }
  });

  it(`leave nothing when they go (SEED=${seed})`, () => {
    const gone = broken.map(({ kind, key }): RawChange => ({ kind, key, object: undefined }));
    const { desired, problems } = stateAfter(SOUND, broken, gone);
    const { desired: alone } = stateAfter(SOUND);
    assert.deepEqual(desired.flows, alone.flows);
    assert.deepEqual(desired.groups, alone.groups);
    assert.deepEqual(problems(), []);
  });
});
