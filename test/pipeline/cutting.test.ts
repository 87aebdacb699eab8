import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ip, parseIp } from "#base/address.ts";
import { match } from "#openflow/match.ts";
import { formatMatch } from "#openflow/text/index.ts";
import { createJudge } from "#pipeline/cutting/judge-connection.ts";
import { podsConcerned } from "#pipeline/cutting/pods-concerned.ts";
import { readTrackedConnection } from "#pipeline/cutting/tracked-connection.ts";
import { readDenied } from "#pipeline/denials/denial.ts";
import { portAt } from "#pipeline/denials/ends.ts";
import { readHeaders } from "#pipeline/denials/headers.ts";
import { readNumber } from "#pipeline/denials/metadata.ts";
import { evaluate, isDenied } from "#pipeline/explain/evaluate.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import { createFakeSwitch } from "#test/support/fake-switch.ts";
import { clusterChanges, ground } from "./policy-clusters.ts";
import { enter, packetsOfCluster } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

const PACKETS = [...packetsOfCluster()].filter(({ protocol }) => protocol === 17);

function fakeOf({ desired }: Pipeline) {
  return createFakeSwitch([...desired.flows.values()].map(({ flow }) => flow));
}

/** Names of the ports that an address of a packet has here. */
function portsOf({ view }: Pipeline, ...ips: readonly Ip[]): readonly string[] {
  return [...view.Port.values()].filter((port) => port.ips.some((ip) => ips.includes(ip))).map(({ name }) => name);
}

describe("connections that policies come to deny", () => {
  it("are looked for at all pods that a change denies something, whatever it is", function () {
    this.timeout(20_000);
    let isTested = false;
    fc.assert(
      fc.property(clusterChanges, clusterChanges, (first, second) => {
        const pipeline = createPipeline(SETTINGS, ["test"]);
        pipeline.step(batch(...ground(), ...first));
        const before = fakeOf(pipeline);
        const { flows } = pipeline.step(batch(...second));
        const after = fakeOf(pipeline);
        const concerned = podsConcerned(flows, pipeline.view);
        for (const packet of PACKETS) {
          const entered = enter(packet);
          if (before.run(entered).outputs.length === 0 || after.run(entered).outputs.length > 0) continue;
          const { reg0 = 0 } = after.run(entered).fields;
          const denied = readDenied(match({ reg0: Number(reg0) }));
          if (denied === undefined) continue;
          const [port] = portsOf(pipeline, denied.direction === "egress" ? packet.source : packet.destination);
          isTested = true;
          assert.ok(concerned.has(port!), formatMatch(match(entered)));
        }
      }),
      { numRuns: 40 },
    );
    assert.ok(isTested);
  });

  it("are nobody's when policies only come to allow more, or say what they said", () => {
    const spec = { podSelector: {}, ingress: [{ ports: [{ protocol: "UDP", port: 80 }] }] };
    const policy = (object: object) => ({ kind: "NetworkPolicy", key: "a/p", object }) as const;
    const pipeline = createPipeline(SETTINGS, ["test"]);
    const concerned = (object: object) =>
      podsConcerned(pipeline.step(batch(policy(object))).flows, pipeline.view).size > 0;
    const pod = { metadata: { namespace: "a", name: "web" }, spec: { nodeName: "n1" } };
    pipeline.step(batch(...ground(), { kind: "Pod", key: "a/web", object: pod }));
    assert.equal(concerned({ spec }), true);
    const more = [...spec.ingress, { ports: [{ protocol: "UDP", port: 81 }] }];
    assert.equal(concerned({ spec: { ...spec, ingress: more } }), false);
    assert.equal(concerned({ spec: { ...spec, ingress: [...more, {}] } }), false);
    assert.equal(concerned({ spec: { ...spec, ingress: more } }), true);
    assert.equal(concerned({ spec }), true);
  });

  it("are asked about at the pods whose policies deny them, and no others are", () => {
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const pipeline = createPipeline(SETTINGS, ["test"]);
        const { view } = pipeline;
        pipeline.step(batch(...ground(), ...changes));
        const judge = createJudge(view, new Set(view.Port.keys()));
        const podOf = (ip: Ip) => view.Pod.get(view.selections.podOf(ip) ?? "");
        for (const packet of PACKETS) {
          const { source, destination, destinationPort = 0 } = packet;
          const endpoint = { ip: destination, port: destinationPort };
          const askings = judge({ source: { ip: source, port: 4000 }, destination: endpoint, endpoint });
          const { egress, ingress } = evaluate(view, podOf, packet);
          const expected = [
            ...(isDenied(egress) ? portsOf(pipeline, source) : []),
            ...(isDenied(ingress) ? portsOf(pipeline, destination) : []),
          ];
          const at = askings.map(({ metadata }) => portAt(readNumber(metadata, "in_port"), view)?.name);
          assert.deepEqual(at, expected);
          for (const { data } of askings) {
            const ports = { source: 4000, destination: destinationPort };
            assert.deepEqual(readHeaders(data), { source, destination, protocol: 17, ports });
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("a line of a dump of connections", () => {
  const V4 =
    "udp,orig=(src=10.10.1.4,dst=10.96.0.10,sport=40000,dport=53),reply=(src=10.10.2.5,dst=10.10.1.4,sport=5353,dport=40000),zone=30565,labels=0x300000007";

  it("tells of a connection over UDP that was let through, with its endpoint", () => {
    const end = (text: string, port: number) => ({ ip: parseIp(text), port });
    assert.deepEqual(readTrackedConnection(`${V4},mark=2`), {
      source: end("10.10.1.4", 40_000),
      destination: end("10.96.0.10", 53),
      endpoint: end("10.10.2.5", 5353),
    });
    const v6 =
      "udp,orig=(src=fd10:10:1::4,dst=fd10:10:2::5,sport=1,dport=2),reply=(src=fd10:10:2::5,dst=fd10:10:1::4,sport=2,dport=1),zone=30565,mark=2";
    assert.deepEqual(readTrackedConnection(v6), {
      source: end("fd10:10:1::4", 1),
      ...{ destination: end("fd10:10:2::5", 2), endpoint: end("fd10:10:2::5", 2) },
    });
  });

  it("is passed over when the connection is another's affair", () => {
    for (const line of ["", V4, `${V4},mark=1`, `${V4},mark=3`, `${V4.replace("udp", "tcp")},mark=2`, "no more"])
      assert.equal(readTrackedConnection(line), undefined);
  });
});
