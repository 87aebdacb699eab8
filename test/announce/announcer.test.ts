import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeHello } from "#controller/node/announce/hello.ts";
import { ownerOf } from "#pipeline/announce/announcements.ts";
import type { RawChange } from "#pipeline/source.ts";
import { SimulatedLink, type SimulatedNode } from "./link.ts";

const IPS = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"];
const NAMES = ["n1", "n2", "n3"];
const POOL: RawChange = {
  kind: "AddressPool",
  key: "blue",
  object: { spec: { addresses: ["192.0.2.10-192.0.2.99"] } },
};
const NODES = NAMES.map((name): RawChange => ({ kind: "Node", key: name, object: { metadata: { name } } }));
const service = (ip: string): RawChange => ({
  ...{ kind: "Service", key: `default/s-${ip}` },
  object: {
    spec: { type: "LoadBalancer", clusterIP: "10.96.0.1", ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip }] } },
  },
});
const CLUSTER = [POOL, ...NODES, ...IPS.map(service)];

function start(names = NAMES): { link: SimulatedLink; nodes: SimulatedNode[] } {
  const link = new SimulatedLink();
  const nodes = names.map((name) => link.add(name));
  for (const node of nodes) node.learn(...CLUSTER);
  link.run(5000);
  return { link, nodes };
}

function assertOwned(link: SimulatedLink, alive: readonly string[], ips = IPS): void {
  for (const ip of ips) assert.deepEqual(link.owners(ip), [ownerOf(ip, alive)], ip);
}
/** Which addresses are answered for by two at once. */
const twice = (link: SimulatedLink) => () => {
  for (const ip of IPS) assert.ok(link.owners(ip).length <= 1, `${ip} at ${link.now}: ${link.owners(ip)}`);
};

describe("The nodes on a link", () => {
  it("answer for each address once", () => {
    const { link } = start();
    assertOwned(link, NAMES);
  });

  it("take over what a node that is missed had, within the time that it is waited for", () => {
    const { link, nodes } = start();
    link.kill(nodes[0]!);
    link.run(3600, twice(link));
    assertOwned(link, ["n2", "n3"]);
  });

  it("wait for a node whose process is started again at once", () => {
    const { link, nodes } = start();
    const [first] = nodes;
    link.kill(first!);
    for (const { moves } of nodes) moves.length = 0;
    link.run(1000, twice(link));
    link.nodes.splice(0, 1);
    const again = link.add("n1");
    again.learn(...CLUSTER);
    link.run(5000, twice(link));
    assertOwned(link, NAMES);
    assert.deepEqual([nodes[1]!.moves, nodes[2]!.moves], [[], []]);
  });

  it("let go before a node that comes takes what is its turn", () => {
    const { link } = start(["n1", "n2"]);
    assertOwned(link, ["n1", "n2"]);
    const third = link.add("n3");
    third.learn(...CLUSTER);
    link.run(3000, twice(link));
    assertOwned(link, NAMES);
  });

  it("do not take what is sent to a node that is not ready, but for a moment", () => {
    const { link, nodes } = start();
    const [first] = nodes;
    first!.ready = false;
    link.run(2000, twice(link));
    assertOwned(link, NAMES);
    first!.ready = true;
    link.run(1000, twice(link));
    first!.ready = false;
    link.run(4000, twice(link));
    assertOwned(link, ["n2", "n3"]);
    first!.ready = true;
    link.run(2000, twice(link));
    assertOwned(link, NAMES);
  });

  it("answer on both sides of a cut, and on one when it is over", () => {
    const { link, nodes } = start();
    nodes[2]!.apart = true;
    link.run(4000);
    const ofThird = IPS.filter((ip) => ownerOf(ip, NAMES) === "n3");
    for (const ip of ofThird) assert.equal(link.owners(ip).length, 2);
    nodes[2]!.apart = false;
    link.run(1000);
    assertOwned(link, NAMES);
  });

  it("begin again when the program that answers has ended", () => {
    const { link, nodes } = start();
    nodes[1]!.endProgram();
    assert.deepEqual([...nodes[1]!.answers], []);
    link.run(5000, twice(link));
    assertOwned(link, NAMES);
    assert.match(nodes[1]!.warnings[0]!, /has ended, and is started again/);
  });

  it("follow the cluster: an address that is gone, a pool that is gone, a link that is gone", () => {
    const { link, nodes } = start();
    for (const node of nodes) node.learn({ ...service(IPS[0]!), object: undefined });
    link.run(200);
    assert.deepEqual(link.owners(IPS[0]!), []);
    assertOwned(link, NAMES, IPS.slice(1));
    nodes[0]!.announcer.setLinks([]);
    link.run(4000);
    assertOwned(link, ["n2", "n3"], IPS.slice(1));
    for (const node of nodes) node.learn({ ...POOL, object: undefined });
    link.run(1000);
    for (const ip of IPS) assert.deepEqual(link.owners(ip), []);
    assert.ok(nodes.every(({ announcer }) => announcer.held().length === 0));
  });

  it("give way, while they do not know the cluster as it is, to one that announces; not for ever, and not else", () => {
    const { link, nodes } = start();
    const ip = IPS.find((one) => ownerOf(one, NAMES) === "n1")!;
    // Of n2 and n3 the cluster says that n1 announces nothing any more; n1 has not heard of it.
    const excluded = { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } };
    nodes[0]!.connected = false;
    for (const node of nodes.slice(1))
      node.learn({ kind: "Node", key: "n1", object: { metadata: { name: "n1", ...excluded } } });
    link.run(1000);
    assert.deepEqual(link.owners(ip), [ownerOf(ip, ["n2", "n3"])]);
    // The other lets go, and n1 still hears nothing: it does not leave the address to nobody.
    for (const node of nodes.slice(1)) node.learn(...NODES);
    link.run(12_000);
    assert.deepEqual(link.owners(ip), ["n1"]);
    nodes[0]!.connected = true;
    link.run(1000);
    assertOwned(link, NAMES);
  });

  it("tell of a stranger that has a service's address, and go on answering", () => {
    const { link, nodes } = start();
    const [ip = ""] = IPS;
    const owner = nodes.find(({ name }) => name === ownerOf(ip, NAMES))!;
    link.claim(owner, "aa:bb:cc:00:00:01", ip);
    link.run(1000);
    const [problem] = owner.announcer.problems();
    assert.equal(problem?.object, `Service default/s-${ip}`);
    assert.match(problem.message, /holds 192\.0\.2\.10, which aa:bb:cc:00:00:01 on eth0 says is its own/);
    assertOwned(link, NAMES);
    link.run(61_000);
    assert.deepEqual(owner.announcer.problems(), []);
  });

  it("heed no other cluster, no node that they do not know, and no nonsense", () => {
    const { link, nodes } = start();
    const strange = [
      encodeHello({ cluster: "other", node: "n0", ready: true }),
      encodeHello({ cluster: "", node: "unknown", ready: true }),
      ...["", "00", Buffer.from("[1,2]").toString("hex"), Buffer.from('["weir-hello-1","","n2"]').toString("hex")],
    ];
    for (const node of nodes) for (const hex of strange) link.say(node, "aa:bb:cc:00:00:01", hex);
    link.run(2000, twice(link));
    assertOwned(link, NAMES);
    link.say(nodes[0]!, "aa:bb:cc:00:00:01", encodeHello({ cluster: "", node: "n1", ready: true }));
    assert.match(nodes[0]!.warnings[0]!, /another node of the same name/);
  });

  it("come to one owner each, whatever happened before", () => {
    const event = fc.record({
      node: fc.nat(2),
      what: fc.constantFrom("apart", "together", "unready", "ready", "program", "cluster"),
      after: fc.integer({ min: 100, max: 4000 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (events) => {
        const { link, nodes } = start();
        for (const { node, what, after } of events) {
          const one = nodes[node]!;
          if (what === "apart" || what === "together") one.apart = what === "apart";
          else if (what === "ready" || what === "unready") one.ready = what === "ready";
          else if (what === "program") one.endProgram();
          else one.learn(...CLUSTER);
          link.run(after);
        }
        for (const one of nodes) Object.assign(one, { apart: false, ready: true });
        link.run(8000);
        assertOwned(link, NAMES);
      }),
      { numRuns: 60 },
    );
  });
});
