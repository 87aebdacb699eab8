import assert from "node:assert/strict";
import fc from "fast-check";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { meetingPoints } from "#pipeline/explain/decision.ts";
import { evaluate } from "#pipeline/explain/evaluate.ts";
import { createMatrix } from "#pipeline/explain/matrix.ts";
import { classifyPorts, packetOf, parsePort } from "#pipeline/explain/port-classes.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "#pipeline/model/protocol.ts";
import { node } from "#test/pipeline/samples.ts";
import { clusters, labelled, PACKETS, pod, policy } from "./clusters.ts";

describe("the matrix", () => {
  it("says of every pair and every port what the evaluator says", () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const { pods, decide } = createMatrix(cluster);
        for (const from of pods)
          for (const to of pods)
            for (const port of classifyPorts(cluster.objects)) {
              const [ends] = meetingPoints(from, to);
              const isAllowed = evaluate(cluster.objects, cluster.podOf, packetOf(ends!, port)).isAllowed;
              assert.equal(decide(from, to, port).verdict, isAllowed ? "allow" : "deny");
            }
      }),
      { numRuns: 200 },
    );
  });

  it("judges a thousand pods with labels of their own in classes", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `p${i}`);
    const pods = names.map((name, i) => pod(`a/${name}`, { name, app: i % 2 === 0 ? "even" : "odd" }));
    const one = policy("a/even", { ...labelled("even"), ingress: [{ from: [labelled("odd")] }] });
    const matrix = createMatrix(readCluster([node("n1", ["10.0.0.0/16"], ["172.18.0.1"]), ...pods, one]));
    assert.equal(new Set(matrix.pods.map(matrix.classOf)).size, 2);
    const port = parsePort("80")!;
    const allowed = matrix.pods.flatMap((from) =>
      matrix.pods.filter((to) => matrix.decide(from, to, port).verdict === "allow"),
    );
    // Odd ones to all, even ones to the odd, and each to itself.
    assert.equal(allowed.length, 500 * 1000 + 500 * 500 + 500);
  });

  it("has pods on the host's network as their node, and none that has completed", () => {
    const changes = [
      node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
      node("n2", ["10.0.2.0/24"], ["172.18.0.2"]),
      pod("a/web", { app: "web" }),
      pod("a/agent1", { app: "agent" }, { hostNetwork: true }),
      pod("a/agent2", { app: "agent" }, { hostNetwork: true, node: "n2" }),
      pod("a/job", { app: "job" }, { phase: "Succeeded" }),
      policy("a/closed", { podSelector: {} }),
    ];
    const { pods, decide } = createMatrix(readCluster(changes));
    assert.deepEqual(
      pods.map(({ name }) => name),
      ["agent1", "agent2", "web"],
    );
    const [agent1, agent2, web] = pods;
    const verdict = (from = web!, to = web!) => decide(from, to, parsePort("80")!).verdict;
    assert.deepEqual(
      [verdict(agent1, web), verdict(agent2, web), verdict(web, agent1), verdict(agent1, agent2)],
      ["allow", "deny", "allow", "allow"],
    );
  });
});

describe("classes of ports", () => {
  it("hold ports that no policy tells apart", () => {
    fc.assert(
      fc.property(clusters, fc.integer({ min: 1, max: 65535 }), ({ objects, podOf }, port) => {
        const classes = classifyPorts(objects);
        for (const name of PROTOCOL_NAMES) {
          const own = classes.find(({ text }) => contains(text, port, name));
          for (const packet of PACKETS.slice(0, 40)) {
            const real = { ...packet, protocol: PROTOCOLS[name], destinationPort: port };
            assert.equal(
              evaluate(objects, podOf, real).isAllowed,
              evaluate(objects, podOf, packetOf(packet, own!)).isAllowed,
              `${port}/${name} as ${own?.text}`,
            );
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are cut where a range, a number or a pod's name for one begins and ends", () => {
    const ports = [
      { port: 80 },
      { port: 70, endPort: 90 },
      { port: "http" },
      { protocol: "UDP" },
      { protocol: "UDP", port: 53 },
    ];
    const changes = [
      pod("a/web", {}, { ports: [{ name: "http", containerPort: 8080 }] }),
      policy("a/p", { podSelector: {}, ingress: [{ ports }] }),
    ];
    assert.deepEqual(
      classifyPorts(readCluster(changes).objects).map(({ text }) => text),
      ["70-79/TCP", "80/TCP", "81-90/TCP", "8080/TCP", "53/UDP", "other/UDP", "other"],
    );
  });

  function contains(text: string, port: number, name: string): boolean {
    if (text === "other" || text === `other/${name}`) return true;
    const [range = "", protocol] = text.split("/");
    const [from, to = from] = range.split("-").map(Number);
    return protocol === name && from! <= port && port <= to!;
  }
});
