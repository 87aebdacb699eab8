import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ip, Mac } from "#base/address.ts";
import { parseIp } from "#base/address.ts";
import { match } from "#openflow/match.ts";
import { describeConnections, type LoggedConnection } from "#pipeline/denials/connection.ts";
import { evaluate, type Packet, type Verdict } from "#pipeline/explain/evaluate.ts";
import { matchRule } from "#pipeline/explain/matching.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { TOLD } from "#pipeline/layout/told.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Direction, NetworkPolicy } from "#pipeline/model/policy.ts";
import { policyId } from "#pipeline/model/policy.ts";
import { countsIn, isLogged, NO_EXTRAS } from "#pipeline/model/policy-extras.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch, type FakeSwitch } from "#test/support/fake-switch.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";
import { addressesOf, clusterChanges, ground } from "./policy-clusters.ts";
import { enter, localPodAt, packetsOfCluster, podKeyAt } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

const MAC = 0x0a5800000001 as Mac;

function start(changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), ...changes));
  return pipeline;
}

/** What the node process makes of what the switch tells it of a packet. */
function connectionsOf(fake: FakeSwitch, view: View, packet: Packet, ct_mark = 0): readonly LoggedConnection[] {
  const { source, destination, protocol, destinationPort = 0 } = packet;
  const payload = udp(40000, destinationPort, "");
  const type = typeof source === "number" ? ETHER.ipv4 : ETHER.ipv6;
  const data = ethernet(MAC, MAC, type, ip({ source, destination, protocol, payload }));
  return fake.run({ ...enter(packet), ct_mark }).told.flatMap(([userdata, fields]) => {
    const { reg0 = 0, reg1 = 0, reg3 = 0, reg5 = 0, reg6 = 0, in_port = 0 } = fields;
    const metadata = match({ reg0, reg1, reg3, reg5, reg6, in_port, ct_mark });
    return userdata === TOLD.connection ? describeConnections({ metadata, data }, view) : [];
  });
}

const packet: Packet = {
  source: parseIp("10.10.1.2")!,
  destination: parseIp("10.10.1.4")!,
  protocol: 6,
  destinationPort: 80,
};

function pod(key: string): RawChange {
  const podIPs = addressesOf(key).map((address) => ({ ip: address }));
  return { kind: "Pod", key, object: { metadata: {}, spec: { nodeName: "n1" }, status: { podIPs } } };
}

/** Whether the objects say that it is logged; undefined where several rules of one level decide, of which any may be named. */
function expected(
  verdict: Verdict | undefined,
  direction: Direction,
  allowedBy: (policy: NetworkPolicy, rule: number) => boolean,
  isolating: readonly NetworkPolicy[],
): "allow" | "deny" | "any" | undefined {
  switch (verdict?.type) {
    case "allowed": {
      const allowing = isolating.flatMap((policy) => {
        const { extras = NO_EXTRAS } = policy;
        const rules = [...(policy[direction] ?? []).keys()].filter((rule) => allowedBy(policy, rule));
        return rules.map((rule) => ({ hasRate: extras.rate !== undefined, logged: isLogged(extras, direction, rule) }));
      });
      // Those with a rate are asked before all others.
      const asked = allowing.some(({ hasRate }) => hasRate) ? allowing.filter(({ hasRate }) => hasRate) : allowing;
      return asked.some(({ logged }) => logged) ? "allow" : undefined;
    }
    case "isolated":
      return verdict.policies.some(({ extras }) => extras?.log?.denied) ? "deny" : undefined;
    case "accepted":
    case "denied":
      return "any";
    default:
      return undefined;
  }
}

describe("connections that policies log", () => {
  it("are told of every first packet on which the objects say so, by a rule that is logged, and of no other", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const { view, desired } = start(changes);
        const fake = createFakeSwitch([...desired.flows.values()].map(({ flow }) => flow));
        const podOf = (address: Ip) => view.Pod.get(podKeyAt(address) ?? "");
        for (const packet of packetsOfCluster()) {
          const ends = [packet.source, packet.destination] as const;
          if (ends.some((end) => localPodAt(end) !== undefined && podOf(end) === undefined)) continue;
          const { egress, ingress, source, destination } = evaluate(view, podOf, packet);
          const told = connectionsOf(fake, view, packet);
          const isStopped =
            localPodAt(ends[0]) !== undefined &&
            (egress?.type === "isolated" || egress?.type === "denied" || egress?.type === "unclear");
          for (const [direction, verdict, pod, end] of [
            ["egress", egress, source, ends[0]],
            ["ingress", isStopped ? undefined : ingress, destination, ends[1]],
          ] as const) {
            const found = told.find((one) => one.direction === direction);
            const isolating = [...view.NetworkPolicy.values()].filter(
              (policy) =>
                pod !== undefined &&
                policy[direction] !== undefined &&
                countsIn("enforced", policy) &&
                view.selections.membersOf(policy.subject.key).has(`${pod.namespace}/${pod.name}`),
            );
            const allowedBy = (policy: NetworkPolicy, rule: number) =>
              matchRule(policy[direction]![rule]!, { objects: view, direction, packet, source, destination }) !==
              undefined;
            const wanted =
              localPodAt(end) === undefined ? undefined : expected(verdict, direction, allowedBy, isolating);
            if (wanted !== "any") assert.equal(found?.verdict, wanted);
            if (found?.rule === undefined) continue;
            const [name] = found.policies;
            const index = Number(found.rule.split(" ").at(-1));
            const policy = [...view.NetworkPolicy.values(), ...view.ClusterNetworkPolicy.values()].find(
              (one) => policyId(one).name === name,
            );
            assert.ok(isLogged(policy?.extras ?? NO_EXTRAS, direction, index), `${name} ${found.rule}`);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it("are told of though a rule allows them too that is not logged, unless only that one has a rate", () => {
    const rulesOf = (annotations: Readonly<Record<string, string>>, key = "b/p"): RawChange => {
      const ingress = [{}, { from: [{ podSelector: {}, namespaceSelector: {} }] }];
      const extras = Object.entries(annotations).map(([name, value]) => [`policy.weir.dev/${name}`, value]);
      const metadata = { uid: key, annotations: Object.fromEntries(extras) };
      return { kind: "NetworkPolicy", key, object: { metadata, spec: { podSelector: {}, ingress } } };
    };
    const toldOf = (...policies: readonly RawChange[]) => {
      const { view, desired } = start([pod("a/web"), pod("b/web"), ...policies]);
      const fake = createFakeSwitch([...desired.flows.values()].map(({ flow }) => flow));
      return connectionsOf(fake, view, packet).map(({ rule }) => rule);
    };
    const rate = { "new-connections-per-second": "10" };
    for (const log of ["ingress[0]", "ingress[1]"]) {
      const told = [`ingress rule ${log.at(-2)}`];
      assert.deepEqual(toldOf(rulesOf({ log })), told);
      assert.deepEqual(toldOf(rulesOf({ log, ...rate })), told);
      assert.deepEqual(toldOf(rulesOf({ log, ...rate }), rulesOf(rate, "b/q")), told);
      assert.deepEqual(toldOf(rulesOf({ log }), rulesOf(rate, "b/q")), []);
    }
  });

  it("are told of by their first packet alone", () => {
    const object = {
      metadata: { uid: "p", annotations: { "policy.weir.dev/log": "all" } },
      spec: { podSelector: {}, ingress: [{}] },
    };
    const { view, desired } = start([pod("a/web"), pod("b/web"), { kind: "NetworkPolicy", key: "b/p", object }]);
    const fake = createFakeSwitch([...desired.flows.values()].map(({ flow }) => flow));
    const [first, ...others] = connectionsOf(fake, view, packet);
    assert.deepEqual(first, {
      ...{ direction: "ingress", pod: "b/web", podAddress: "10.10.1.4", peer: "pod a/web", peerAddress: "10.10.1.2" },
      ...{ protocol: "TCP", sourcePort: 40000, destinationPort: 80 },
      ...{ verdict: "allow", policies: ["b/p"], rule: "ingress rule 0" },
    });
    assert.deepEqual(others, []);
    assert.deepEqual(connectionsOf(fake, view, packet, CT_MARK.known), []);
  });
});
