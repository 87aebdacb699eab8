import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ip, parseIp } from "#base/address.ts";
import { evaluate, isDenied, type Packet } from "#pipeline/explain/evaluate.ts";
import { isIn } from "#pipeline/explain/matching.ts";
import { stagedWorld } from "#pipeline/explain/staged-world.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { TOLD } from "#pipeline/layout/told.ts";
import type { Pod, View } from "#pipeline/model/model.ts";
import { DIRECTIONS, type Direction, hasSay } from "#pipeline/model/policy.ts";
import { isStaged } from "#pipeline/model/policy-extras.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch } from "#test/support/fake-switch.ts";
import { addressesOf, clusterChanges, ground } from "./policy-clusters.ts";
import { enter, localPodAt, packetsOfCluster, podKeyAt } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

function start(changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), ...changes));
  return pipeline;
}

/** What is counted of a packet, as the last part of the site; and whether the node process is told of it. */
function countsOf(pipeline: Pipeline) {
  const fake = createFakeSwitch([...pipeline.desired.flows.values()].map(({ flow }) => flow));
  return (packet: Packet, ct_mark = 0) => {
    const { path, told, outputs } = fake.run({ ...enter(packet), ct_mark });
    const verdicts = path.filter(({ table }) => table === TABLES.StagedVerdict.id);
    const sites = verdicts.map(({ cookie }) => siteOfCookie(cookie)?.site.replace("staging/", ""));
    return { sites, told: told.filter(([userdata]) => userdata === TOLD.staged).length, passes: outputs.length > 0 };
  };
}

function isUnderStaging(view: View, pod: Pod | undefined, direction: Direction): boolean {
  return [...view.NetworkPolicy.values(), ...view.ClusterNetworkPolicy.values()].some(
    (policy) => pod !== undefined && isStaged(policy) && hasSay(policy, direction) && isIn(policy.subject, pod, view),
  );
}

describe("staged policies", () => {
  it("are judged as though they were in force, for the pods that they select, and for those alone", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const pipeline = start(changes);
        const { view } = pipeline;
        const count = countsOf(pipeline);
        const podOf = (address: Ip) => view.Pod.get(podKeyAt(address) ?? "");
        for (const packet of packetsOfCluster()) {
          const ends = [packet.source, packet.destination];
          if (ends.some((end) => localPodAt(end) !== undefined && podOf(end) === undefined)) continue;
          const now = evaluate(view, podOf, packet);
          const then = evaluate(stagedWorld(view), podOf, packet);
          const { sites, told, passes } = count(packet);
          const isOut = localPodAt(packet.source) !== undefined && isDenied(now.egress);
          const expected = DIRECTIONS.toReversed().flatMap((direction) => {
            const [pod, end] = direction === "egress" ? [now.source, ends[0]!] : [now.destination, ends[1]!];
            const [before, after] = [now[direction], then[direction]];
            const isAsked =
              localPodAt(end) !== undefined &&
              (direction === "egress" || !isOut) &&
              isUnderStaging(view, pod, direction) &&
              ![before, after].some((verdict) => verdict === undefined || /unclear|node|own/.test(verdict.type));
            if (!isAsked) return [];
            if (isDenied(after)) return [passes ? "newly-denied" : "denied"];
            return [passes ? "allowed" : "newly-allowed"];
          });
          assert.deepEqual(sites, expected);
          assert.equal(told, expected.filter((site) => site === "newly-denied").length);
        }
      }),
      { numRuns: 25 },
    );
  });

  const pod = (key: string): RawChange => {
    const podIPs = addressesOf(key).map((address) => ({ ip: address }));
    return { kind: "Pod", key, object: { metadata: {}, spec: { nodeName: "n1" }, status: { podIPs } } };
  };
  const policy = (key: string, enforcement: string, spec: object = { podSelector: {} }): RawChange => ({
    ...{ kind: "NetworkPolicy", key },
    object: { metadata: { uid: key, annotations: { "policy.weir.dev/enforcement": enforcement } }, spec },
  });
  const ends = { source: parseIp("10.10.1.2")!, destination: parseIp("10.10.1.4")! };
  const packet: Packet = { ...ends, protocol: 6, destinationPort: 80 };

  it("deny nothing, and say of a connection what they would when it begins", () => {
    const count = countsOf(start([pod("a/web"), pod("b/web"), policy("b/p", "staged")]));
    assert.deepEqual(count(packet), { sites: ["newly-denied"], told: 1, passes: true });
    assert.deepEqual(count(packet, CT_MARK.known), { sites: [], told: 0, passes: true });
  });

  it("are in force while their deletion is staged, and judged as though they were not there", () => {
    const count = countsOf(start([pod("a/web"), pod("b/web"), policy("b/p", "staged-deletion")]));
    assert.deepEqual(count(packet), { sites: ["newly-allowed"], told: 0, passes: false });
  });

  it("leave no flow and no meter behind", () => {
    const pipeline = start([pod("a/web"), pod("b/web")]);
    const flows = () => new Set(pipeline.desired.flows.keys());
    const meters = () => new Set(pipeline.desired.meters.keys());
    const before = [flows(), meters()];
    pipeline.step(batch(policy("b/p", "staged"), policy("b/q", "staged-deletion", { podSelector: {}, ingress: [{}] })));
    assert.ok(flows().size > before[0]!.size);
    pipeline.step(
      batch(
        { kind: "NetworkPolicy", key: "b/p", object: undefined },
        { kind: "NetworkPolicy", key: "b/q", object: undefined },
      ),
    );
    assert.deepEqual([flows(), meters()], before);
  });
});
