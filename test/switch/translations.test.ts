import assert from "node:assert/strict";
import { formatIp } from "#base/address.ts";
import { TranslationIndex } from "#controller/node/switch/translation-index.ts";
import { endedBetween, type Stale, type Translation, translationsOf } from "#controller/node/switch/translations.ts";
import type { Flow, Group } from "#openflow/flow.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import { batch, node, SETTINGS } from "#test/pipeline/samples.ts";

const DNS = { clusterIPs: ["10.96.0.10", "fd96::a"], ports: [{ name: "dns", port: 53, protocol: "UDP" }] };

function service(spec: object): RawChange {
  return { kind: "Service", key: "kube-system/dns", object: { metadata: { uid: "u" }, spec } };
}

function slice(family: 4 | 6, ...addresses: readonly string[]): RawChange {
  const object = {
    metadata: { labels: { "kubernetes.io/service-name": "dns" } },
    addressType: `IPv${family}`,
    ports: [{ name: "dns", port: 5353, protocol: "UDP" }],
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  };
  return { kind: "EndpointSlice", key: `kube-system/dns-${family}`, object };
}

/** "10.96.0.10:53 -> 10.10.1.5:5353". */
function describeStale({ ip, port, to }: Stale): string {
  const from = `${ip === undefined ? "*" : formatIp(ip)}:${port}`;
  return to === undefined ? from : `${from} -> ${formatIp(to.ip)}:${to.port}`;
}

describe("translations that conntrack would go on with", () => {
  let pipeline: Pipeline;
  let flows: Map<string, Flow>;
  let groups: Map<number, Group>;
  let index: TranslationIndex;

  beforeEach(() => {
    pipeline = createPipeline(SETTINGS, ["test"]);
    flows = new Map();
    groups = new Map();
    index = new TranslationIndex({ flows: { installed: flows }, groups: { installed: groups } });
    step(node("n1", ["10.10.1.0/24"], ["172.18.0.1"]));
  });

  /** What ends when the switch follows a step of the pipeline. */
  function step(...changes: readonly RawChange[]): readonly string[] {
    const { flows: flowDelta, groups: groupDelta, meters } = pipeline.step(batch(...changes));
    const work = { flows: flowDelta, groups: groupDelta, meters, compare: false };
    const before = index.touchedBy(work);
    for (const key of flowDelta.removed.keys()) flows.delete(key);
    for (const id of groupDelta.removed.keys()) groups.delete(id);
    for (const [key, { flow }] of pipeline.desired.flows) flows.set(key, flow);
    for (const [id, { group }] of pipeline.desired.groups) groups.set(id, group);
    index.follow(work);
    assert.deepEqual(sorted(index.touchedBy({ ...UNCHANGED_SWITCH, compare: true })), sorted(everything()));
    return endedBetween(before, index.touchedBy(work)).map(describeStale).sort();
  }

  const everything = (): readonly Translation[] => [...flows.values()].flatMap((flow) => translationsOf(flow, groups));
  const sorted = (all: readonly Translation[]) => all.map(describeStale).sort();

  it("end for each address of the service when an endpoint goes, and for no other endpoint", () => {
    step(service({ ...DNS, externalIPs: ["198.51.100.1"] }), slice(4, "10.10.1.5", "10.10.1.6"), slice(6, "fd10::5"));
    assert.deepEqual(step(slice(4, "10.10.1.6")), [
      "10.96.0.10:53 -> 10.10.1.5:5353",
      "198.51.100.1:53 -> 10.10.1.5:5353",
    ]);
    assert.deepEqual(step(slice(4, "10.10.1.6", "10.10.1.7")), []);
  });

  it("end one by one when a few do, and all of an address when many do or the service goes", () => {
    const many = Array.from({ length: 9 }, (_, i) => `10.10.2.${i + 1}`);
    step(service(DNS), slice(4, "10.10.1.5", ...many), slice(6, "fd10::5"));
    assert.deepEqual(step(slice(4, "10.10.1.5")), ["10.96.0.10:53"]);
    assert.deepEqual(step({ kind: "Service", key: "kube-system/dns", object: undefined }), [
      "10.96.0.10:53 -> 10.10.1.5:5353",
      "fd96::a:53 -> fd10::5:5353",
    ]);
  });

  it("stay with an endpoint that is going and serves yet, and end when it is gone", () => {
    const going = { ready: false, serving: true, terminating: true };
    const both = slice(4, "10.10.1.5", "10.10.1.6");
    const object = both.object as { readonly endpoints: readonly object[] };
    const [one, other] = object.endpoints;
    step(service(DNS), both);
    const leaves = { ...both, object: { ...object, endpoints: [{ ...one, conditions: going }, other] } };
    assert.deepEqual(step(leaves), []);
    const [group] = groups.values();
    assert.deepEqual(
      group?.buckets.map(({ weight }) => weight),
      [0, 1],
    );
    assert.deepEqual(step(slice(4, "10.10.1.6")), ["10.96.0.10:53 -> 10.10.1.5:5353"]);
  });

  it("end in one of the groups from which another chooses as well", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `10.20.${i >> 8}.${i & 255}`);
    step(service(DNS), slice(4, ...many));
    assert.ok(groups.size > 2);
    assert.deepEqual(step(slice(4, ...many.slice(1))), ["10.96.0.10:53 -> 10.20.0.0:5353"]);
    assert.deepEqual(step(slice(4, ...many.slice(2))), ["10.96.0.10:53 -> 10.20.0.1:5353"]);
  });

  it("end with the first endpoint for who was refused before", () => {
    step(service(DNS));
    assert.deepEqual(step(slice(4, "10.10.1.5")), ["10.96.0.10:53 -> 169.254.119.102:53"]);
    assert.deepEqual(step(slice(4)), ["10.96.0.10:53 -> 10.10.1.5:5353"]);
  });

  it("end with session affinity as well, and when affinity comes and goes none does", () => {
    step(service({ ...DNS, sessionAffinity: "ClientIP" }), slice(4, "10.10.1.5", "10.10.1.6"));
    assert.deepEqual(step(slice(4, "10.10.1.6")), ["10.96.0.10:53 -> 10.10.1.5:5353"]);
    assert.deepEqual(step(service(DNS)), []);
    assert.deepEqual(step(service({ ...DNS, sessionAffinity: "ClientIP" })), []);
  });

  it("are none of TCP: what is established there lives on, and what is new says so", () => {
    const ports = [{ name: "dns", port: 53, protocol: "TCP" }];
    const tcp = (change: RawChange): RawChange => ({ ...change, object: { ...(change.object as object), ports } });
    step(service({ ...DNS, ports }), tcp(slice(4, "10.10.1.5", "10.10.1.6")));
    assert.deepEqual(step(tcp(slice(4, "10.10.1.6"))), []);
    assert.deepEqual(everything(), []);
  });
});
