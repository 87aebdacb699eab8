import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ip } from "#base/address.ts";
import { match } from "#openflow/match.ts";
import { formatMatch } from "#openflow/text/index.ts";
import { evaluate, isDenied } from "#pipeline/explain/evaluate.ts";
import { STATE } from "#pipeline/features/vocabulary.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch, type Fields } from "#test/support/fake-switch.ts";
import {
  clusterChanges,
  clusterPolicyChange,
  domainChange,
  ground,
  namespaceChange,
  namingChanges,
  nodeChange,
  PODS,
  podChange,
  policyChange,
} from "./policy-clusters.ts";
import { enter, hairpinsOfCluster, localPodAt, packetsOfCluster, podKeyAt } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

/** CS_ESTABLISHED. */
const ESTABLISHED = 0x02;

/** The same packet of a connection that was let through before. */
function known(fields: Fields): Fields {
  const state = Number(fields.ct_state ?? STATE.trk) & ~STATE.new;
  return { ...fields, ct_state: state | ESTABLISHED, ct_mark: CT_MARK.known };
}

function start(changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), ...changes));
  return pipeline;
}

/** Whom an address belongs to as the test knows it: no pod whose object is gone or that has ended. */
function podAt(pipeline: Pipeline, ip: Ip) {
  return pipeline.view.Pod.get(podKeyAt(ip) ?? "");
}

/** Of what began while names had all addresses that they have had. */
function beforeTheyLapsed({ view }: Pipeline): Pipeline["view"] {
  const whole = [...view.Domain].map(
    ([name, domain]) => [name, { ...domain, addresses: [...domain.addresses, ...domain.lapsed] }] as const,
  );
  return { ...view, Domain: new Map(whole) };
}

/** Of a pod on another node only its own node asks the policies; one that is not known yet has a test of its own. */
function checkPackets(pipeline: Pipeline): void {
  const fake = createFakeSwitch([...pipeline.desired.flows.values()].map(({ flow }) => flow));
  const podOf = (ip: Ip) => podAt(pipeline, ip);
  const earlier = beforeTheyLapsed(pipeline);
  for (const packet of [...packetsOfCluster(), ...hairpinsOfCluster()]) {
    const ends = [packet.source, packet.destination];
    const local = ends.map((ip) => localPodAt(ip) !== undefined);
    if (!local.includes(true) || ends.some((ip, i) => local[i] && podOf(ip) === undefined)) continue;
    const check = (view: Pipeline["view"], fields: Fields): void => {
      const { egress, ingress } = evaluate(view, podOf, packet);
      const isStopped = (local[0] && isDenied(egress)) || (local[1] && isDenied(ingress));
      assert.equal(fake.run(fields).outputs.length, isStopped ? 0 : 1, formatMatch(match(fields)));
    };
    check(pipeline.view, enter(packet));
    check(earlier, known(enter(packet)));
  }
}

describe("the flows of policies", () => {
  it("let through what the policies allow, and nothing else", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => checkPackets(start(changes))),
      { numRuns: 60 },
    );
  });

  it("let through what names may have, and go on with what they had", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(namingChanges, (changes) => checkPackets(start(changes))),
      { numRuns: 25 },
    );
  });

  it("are the same after any history of long lists of networks, in which one may be twice", () => {
    const pool = [
      ...Array.from({ length: 40 }, (_, i) => `10.10.1.${i}/32`),
      "10.10.0.0/16",
      "fd10:1::2/128",
      "fd10:1::/64",
    ];
    const list = fc.array(fc.constantFrom(...pool), { maxLength: 60 });
    const pods = PODS.map((key): RawChange => ({ kind: "Pod", key, object: { spec: { nodeName: "n1" }, status: {} } }));
    const change = fc.tuple(fc.constantFrom("a/one", "a/two"), fc.array(list, { minLength: 1, maxLength: 2 }));
    const policyOf = ([key, rules]: readonly [string, readonly (readonly string[])[]]): RawChange => {
      const ingress = rules.map((one) => ({ from: one.map((cidr) => ({ ipBlock: { cidr } })), ports: [{ port: 80 }] }));
      return { kind: "NetworkPolicy", key, object: { spec: { podSelector: {}, ingress } } };
    };
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (history) => {
        const lived = start(pods);
        for (const one of history) lived.step(batch(policyOf(one)));
        const last = new Map(history.map((one) => [one[0], policyOf(one)]));
        const flowsOf = ({ desired }: Pipeline) => [...desired.flows].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(flowsOf(lived), flowsOf(start([...pods, ...last.values()])));
        assert.deepEqual(lived.engine.recompute(lived.view), []);
      }),
    );
  });

  it("are the same after any history", () => {
    const change = fc.oneof(
      { weight: 3, arbitrary: policyChange },
      { weight: 3, arbitrary: clusterPolicyChange },
      { weight: 2, arbitrary: podChange },
      { weight: 3, arbitrary: domainChange },
      nodeChange,
      namespaceChange,
      nodeChange,
      fc.constantFrom(...ground(), ...ground().map(({ kind, key }) => ({ kind, key, object: undefined }))),
    );
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 25 }), (batches) => {
        const lived = start([]);
        for (const changes of batches) lived.step(batch(...changes));
        const words = new Map([...ground(), ...batches.flat()].map((one) => [`${one.kind} ${one.key}`, one]));
        const fresh = createPipeline(SETTINGS, ["test"]);
        fresh.step(batch(...words.values()));
        const flowsOf = ({ desired }: Pipeline) => [...desired.flows].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(flowsOf(lived), flowsOf(fresh));
        assert.deepEqual(lived.engine.recompute(lived.view), []);
      }),
      { numRuns: 300 },
    );
  });
});
