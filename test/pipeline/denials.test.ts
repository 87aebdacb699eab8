import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, type Ip, type Mac, parseIp } from "#base/address.ts";
import { match } from "#openflow/match.ts";
import { type Denial, describeDenial } from "#pipeline/denials/denial.ts";
import { readHeaders } from "#pipeline/denials/headers.ts";
import { evaluate, isDenied, type Packet } from "#pipeline/explain/evaluate.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { policyId } from "#pipeline/model/policy.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch } from "#test/support/fake-switch.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";
import { addressesOf, clusterChanges, ground } from "./policy-clusters.ts";
import { enter, hairpinsOfCluster, localPodAt, packetsOfCluster, podKeyAt } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

const MAC = 0x0a5800000001 as Mac;
const A = parseIp("10.10.1.2")!;
const B = parseIp("10.10.1.5")!;
const A6 = parseIp("fd10:1::2")!;
const B6 = parseIp("fd10:1::5")!;

function frame(source: Ip, destination: Ip, protocol: number, payload: Buffer, fragmentOffset = 0): Buffer {
  const type = typeof source === "number" ? ETHER.ipv4 : ETHER.ipv6;
  return ethernet(MAC, MAC, type, ip({ source, destination, protocol, payload, fragmentOffset }));
}

/** IPv6 options (or a fragment header) before what is carried. */
function extension(next: number, second: number, rest: readonly number[], payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([next, second, ...rest]), payload]);
}

describe("the headers of a denied packet", () => {
  it("are read in both families, with ports or ICMP's type", () => {
    const ports = { source: 5000, destination: 53 };
    assert.deepEqual(readHeaders(frame(A, B, 17, udp(5000, 53, ""))), {
      source: A,
      destination: B,
      protocol: 17,
      ports,
    });
    assert.deepEqual(readHeaders(frame(A6, B6, 6, udp(5000, 53, ""))), {
      ...{ source: A6, destination: B6, protocol: 6, ports },
    });
    const echo = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(readHeaders(frame(A, B, 1, echo))?.icmp, { type: 8, code: 0 });
    assert.deepEqual(readHeaders(frame(A6, B6, 58, echo))?.icmp, { type: 8, code: 0 });
    assert.deepEqual(readHeaders(frame(A, B, 47, echo)), { source: A, destination: B, protocol: 47 });
  });

  it("are read behind IPv6 extension headers, and have no ports in a later fragment", () => {
    const inner = udp(1, 2, "");
    const options = extension(44, 1, Array(14).fill(0), extension(17, 0, [0, 1, 0, 0, 0, 0], inner));
    assert.deepEqual(readHeaders(frame(A6, B6, 0, options)), {
      ...{ source: A6, destination: B6, protocol: 17, ports: { source: 1, destination: 2 } },
    });
    const later = extension(17, 0, [0, 9, 0, 0, 0, 0], inner);
    assert.deepEqual(readHeaders(frame(A6, B6, 44, later)), { source: A6, destination: B6, protocol: 17 });
    assert.deepEqual(readHeaders(frame(A, B, 17, inner, 1)), { source: A, destination: B, protocol: 17 });
  });

  it("are read as far as there are bytes, whatever these say", () => {
    const whole = frame(A6, B6, 0, extension(17, 0, [0, 0, 0, 0, 0, 0], udp(1, 2, "")));
    for (let length = 0; length <= whole.length; length++) readHeaders(whole.subarray(0, length));
    assert.equal(readHeaders(ethernet(MAC, MAC, ETHER.arp, Buffer.alloc(28))), undefined);
    const types = fc.constantFrom(ETHER.ipv4, ETHER.ipv6, ETHER.arp);
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 114 }), (type, payload) => {
        readHeaders(ethernet(MAC, MAC, type, Buffer.from(payload)));
      }),
    );
  });
});

const REASONS: Readonly<Record<string, Denial["reason"]>> = {
  isolated: "isolation",
  denied: "rule",
  unclear: "unknown",
};

/** Sends the packet through the flows; what the node process is told of it, if it is told of it. */
function denialOf(pipeline: Pipeline, packet: Packet, ct_mark = 0): Denial | undefined {
  const fake = createFakeSwitch([...pipeline.desired.flows.values()].map(({ flow }) => flow));
  const { path, fields } = fake.run({ ...enter(packet), ct_mark });
  const last = path.at(-1);
  if (last?.table !== TABLES.Deny.id || !last.actions.some(({ type }) => type === "controller")) return undefined;
  const { reg0 = 0, reg1 = 0, reg5 = 0, reg6 = 0, in_port = 0 } = fields;
  const payload = udp(40000, packet.destinationPort ?? 0, "");
  return describeDenial(
    {
      metadata: match({ reg0, reg1, reg5, reg6, in_port, ct_mark }),
      data: frame(packet.source, packet.destination, packet.protocol, payload),
    },
    pipeline.view,
  );
}

function start(changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), ...changes));
  return pipeline;
}

function pod(key: string, uid = `uid ${key}`): RawChange {
  const podIPs = addressesOf(key).map((address) => ({ ip: address }));
  return { kind: "Pod", key, object: { metadata: { uid }, spec: { nodeName: "n1" }, status: { podIPs } } };
}

function isolate(key: string, ...policyTypes: readonly string[]): RawChange {
  return { kind: "NetworkPolicy", key, object: { metadata: { uid: "p" }, spec: { podSelector: {}, policyTypes } } };
}

const toWeb: Packet = { source: A, destination: parseIp("10.10.1.4")!, protocol: 6, destinationPort: 80 };

describe("a denial", () => {
  it("names both ends, the direction, and the policies that isolate", () => {
    const pipeline = start([pod("a/web"), pod("b/web"), isolate("b/two", "Ingress"), isolate("b/one", "Ingress")]);
    assert.deepEqual(denialOf(pipeline, toWeb), {
      ...{ direction: "ingress", reason: "isolation", connection: "new", pod: "b/web", podAddress: "10.10.1.4" },
      ...{ peer: "pod a/web", peerAddress: "10.10.1.2", protocol: "TCP", sourcePort: 40000, destinationPort: 80 },
      policies: ["b/one", "b/two"],
    });
    assert.equal(denialOf(start([pod("a/web"), pod("b/web")]), toWeb), undefined);
  });

  it("is the sender's when its own policies deny, whoever would have had the packet", () => {
    const pipeline = start([pod("a/web"), isolate("a/out", "Egress")]);
    const outside = { ...toWeb, destination: parseIp("203.0.113.7")!, protocol: 1 };
    const denial = denialOf(pipeline, outside);
    assert.deepEqual(
      [denial?.direction, denial?.pod, denial?.peer, denial?.protocol, denial?.policies],
      ["egress", "a/web", "203.0.113.7", "ICMP", ["a/out"]],
    );
    const node = denialOf(pipeline, { ...toWeb, destination: parseIp("172.18.0.2")! });
    assert.equal(node?.peer, "node n2");
  });

  it("says that a connection is cut with the first of its packets, and nothing of those behind", () => {
    const pipeline = start([pod("a/web"), pod("b/web"), isolate("b/p", "Ingress")]);
    assert.equal(denialOf(pipeline, toWeb, CT_MARK.known)?.connection, "cut");
    const fake = createFakeSwitch([...pipeline.desired.flows.values()].map(({ flow }) => flow));
    const { path } = fake.run({ ...enter(toWeb), ct_mark: CT_MARK.known | CT_MARK.denied });
    assert.deepEqual([path.at(-1)?.table, path.at(-1)?.actions], [TABLES.Deny.id, []]);
  });

  it("blames nobody for a pod that is not known yet", () => {
    const denial = denialOf(start([isolate("b/p", "Ingress")]), toWeb);
    assert.deepEqual([denial?.reason, denial?.pod, denial?.policies], ["unknown", "b/web", []]);
  });

  it("names the rule of a policy for the whole cluster that denies", () => {
    const peers = [{ namespaces: {} }];
    const spec = {
      ...{ tier: "Admin", priority: 1, subject: { namespaces: {} } },
      ingress: [
        { action: "Accept", from: peers, protocols: [{ udp: { destinationPort: { number: 53 } } }] },
        { action: "Deny", from: peers },
      ],
    };
    const object = { metadata: { uid: "c" }, spec };
    const namespace = (key: string): RawChange => ({ kind: "Namespace", key, object: {} });
    const pipeline = start([
      ...[pod("a/web"), pod("b/web"), namespace("a"), namespace("b")],
      { kind: "ClusterNetworkPolicy", key: "closed", object },
    ]);
    const denial = denialOf(pipeline, toWeb);
    assert.deepEqual([denial?.reason, denial?.policies, denial?.rule], ["rule", ["closed"], "ingress rule 1"]);
    assert.equal(denialOf(pipeline, { ...toWeb, protocol: 17, destinationPort: 53 }), undefined);
  });

  it("names the first policies of many, and counts the others", () => {
    const many = Array.from({ length: 20 }, (_, i) => isolate(`b/p${String(i).padStart(2, "0")}`, "Ingress"));
    const denial = denialOf(start([pod("a/web"), pod("b/web"), ...many]), toWeb);
    assert.deepEqual([denial?.policies.length, denial?.policies[0], denial?.morePolicies], [8, "b/p00", 12]);
  });

  it("is none when there are no marks, no IP, or no such port any more", () => {
    const pipeline = start([pod("b/web")]);
    const marks = match({ reg0: 0xc0, reg1: 12 });
    const data = frame(A, B, 17, udp(1, 2, ""));
    assert.equal(describeDenial({ metadata: marks, data }, pipeline.view)?.pod, "b/web");
    for (const metadata of [[], match({ reg0: 0x40, reg1: 12 }), match({ reg0: 0xc0, reg1: 99 })])
      assert.equal(describeDenial({ metadata, data }, pipeline.view), undefined);
    assert.equal(describeDenial({ metadata: marks, data: data.subarray(0, 20) }, pipeline.view), undefined);
  });

  it("tells of every packet that policies deny in random clusters what the objects say, and of no other", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const pipeline = start(changes);
        const podOf = (address: Ip) => pipeline.view.Pod.get(podKeyAt(address) ?? "");
        for (const packet of [...packetsOfCluster(), ...hairpinsOfCluster()]) {
          const local = [packet.source, packet.destination].map((end) => localPodAt(end) !== undefined && podOf(end));
          if (local[0] === undefined || local[1] === undefined) continue;
          const { egress, ingress } = evaluate(pipeline.view, podOf, packet);
          const verdict = local[0] && isDenied(egress) ? egress : local[1] ? ingress : undefined;
          const denial = denialOf(pipeline, packet);
          assert.equal(denial?.reason, isDenied(verdict) ? REASONS[verdict?.type ?? ""] : undefined);
          if (denial === undefined) continue;
          if (verdict?.type === "isolated")
            assert.deepEqual(denial.policies, verdict.policies.map((policy) => policyId(policy).name).sort());
          // Of several at one level any may be blamed.
          if (verdict?.type === "denied") assert.match(denial.rule ?? "", /^(in|e)gress rule \d$/);
          const [own, other] =
            verdict === egress ? (["source", "destination"] as const) : (["destination", "source"] as const);
          assert.deepEqual([denial.pod, denial.peerAddress], [podKeyAt(packet[own]), formatIp(packet[other])]);
        }
      }),
      { numRuns: 6 },
    );
  });
});
