import assert from "node:assert/strict";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { feed, shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ["tcp", "udp"] as const;
const OUTSIDE = { 4: "172.18.0.254", 6: "fd18::254" } as const;
const N1 = { 4: "172.18.0.1", 6: "fd18::1" } as const;
const BALANCED = { 4: "192.0.2.80", 6: "2001:db8::80" } as const;
const HIDDEN = "10.10.1.0";
const NODE_PORT = 30080;
const HERE = "n1-pod2";
const THERE = "n2-pod2";

describe("services whose endpoints answer clients outside directly", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;

  before(async () => {
    rig = await startServiceCluster({ name: "svcdsr", families: [4, 6], podsPerNode: 3 });
    for (const [network, via] of [
      ["192.0.2.0/24", N1[4]],
      ["2001:db8::/64", N1[6]],
    ] as const)
      await shell("ip", "netns", "exec", outside(), "ip", "route", "add", network, "via", via);
    for (const name of ["n1", "n2"]) await feed(["ip", "netns", "exec", node(name), "nft", "-f", "-"], COUNTERS);
  });
  after(() => rig?.close());

  const node = (name: string): string => rig.cluster.lab.nodes.get(name)!.endpoint.netns;
  const outside = (): string => rig.cluster.fabric.outside.netns;
  const endpoint = (pod: string, family: Family, conditions: object = {}): object => {
    return { addresses: [rig.address(pod, family)], nodeName: pod.split("-")[0], conditions };
  };
  const web = (endpoints: (family: Family) => readonly object[], annotations: object = DIRECT): object[] => [
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "default", annotations } },
      spec: {
        ...{ type: "LoadBalancer", clusterIPs: ["10.96.0.10", "fd96::10"] },
        ports: [
          { port: 80, name: "t", nodePort: NODE_PORT },
          { port: 80, name: "u", nodePort: NODE_PORT, protocol: "UDP" },
        ],
      },
      status: { loadBalancer: { ingress: Object.values(BALANCED).map((ip) => ({ ip })) } },
    },
    ...FAMILIES.map((family) =>
      slice("web", family, endpoints(family), [
        { port: SERVER_PORT, name: "t" },
        { port: SERVER_PORT, name: "u", protocol: "UDP" },
      ]),
    ),
  ];
  const served = (...pods: readonly string[]): object[] => web((family) => pods.map((pod) => endpoint(pod, family)));
  const ask = (protocol: "tcp" | "udp", address: string, port: number, count: number) =>
    rig.wire.ask(outside(), protocol, address, port, count);
  /** How many packets with one of the service's addresses as their source a node's kernel has forwarded. */
  const answersThrough = async (name: string): Promise<number> => {
    const text = await shell("ip", "netns", "exec", node(name), "nft", "list", "table", "inet", "answers");
    return [...text.matchAll(/packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
  };
  const remembered = async (): Promise<number> =>
    (await rig.ofctl("n1", "dump-flows", "table=40")).split("\n").filter((line) => line.includes("priority=400"))
      .length;

  for (const family of FAMILIES)
    for (const protocol of PROTOCOLS)
      it(`see the client, IPv${family}, ${protocol.toUpperCase()}, and their answers do not come by the node to which it came`, async () => {
        await rig.put(served(HERE, THERE));
        const both = await ask(protocol, BALANCED[family], 80, 24);
        const client = OUTSIDE[family];
        assert.deepEqual(Object.keys(both).sort(), [`${HERE} ${client}`, `${THERE} ${client}`]);
        await rig.put(served(THERE));
        const [n1, n2] = [await answersThrough("n1"), await answersThrough("n2")];
        assert.deepEqual(await ask(protocol, BALANCED[family], 80, 10), { [`${THERE} ${client}`]: 10 });
        assert.equal(await answersThrough("n1"), n1);
        assert.ok((await answersThrough("n2")) >= n2 + 10);
      });

  it("are judged by policies that see the client", async () => {
    const only = (cidr: string): object => ({
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
      metadata: { name: "only", namespace: "default" },
      spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [{ ipBlock: { cidr } }] }] },
    });
    for (const protocol of PROTOCOLS) {
      await rig.put([...served(THERE), only(`${OUTSIDE[4]}/32`)]);
      assert.deepEqual(await ask(protocol, BALANCED[4], 80, 3), { [`${THERE} ${OUTSIDE[4]}`]: 3 });
      await rig.put([...served(THERE), only("172.18.0.253/32")]);
      assert.deepEqual(await ask(protocol, BALANCED[4], 80, 1), { timeout: 1 });
    }
  });

  it("keep established connections while others come and go, and while they are going or not ready themselves", async () => {
    await rig.put(served(THERE));
    const keys = Array.from({ length: 12 }, (_, i) => `held ${i}`);
    for (const key of keys)
      assert.equal(await rig.wire.hold(key, outside(), BALANCED[4], 80), `${THERE} ${OUTSIDE[4]}`);
    const talk = async (): Promise<void> => {
      for (const key of keys) assert.equal(await rig.wire.talk(key), "still there?");
    };
    await rig.put(served(THERE, HERE, "n1-pod3", "n2-pod3"));
    await talk();
    for (const conditions of [{ ready: false, serving: true, terminating: true }, { ready: false }]) {
      await rig.put(web((family) => [endpoint(THERE, family, conditions), endpoint(HERE, family)]));
      await talk();
      assert.deepEqual(await ask("tcp", BALANCED[4], 80, 6), { [`${HERE} ${OUTSIDE[4]}`]: 6 });
    }
    await rig.put(served(THERE, "n2-pod3"));
    await talk();
    for (const key of keys) await rig.wire.hangUp(key);
  });

  it("lose their clients of UDP when they are gone", async () => {
    await rig.put(served(THERE));
    assert.equal(await rig.wire.hold("datagrams", outside(), BALANCED[4], 80, "udp"), `${THERE} ${OUTSIDE[4]}`);
    for (const pod of ["n2-pod3", HERE, THERE]) {
      await rig.put(served(pod));
      await until(async () => (await rig.wire.talk("datagrams")) === `${pod} ${OUTSIDE[4]}`);
    }
    await rig.wire.hangUp("datagrams");
  });

  it("are hidden from nobody by this at NodePorts, nor from pods and nodes", async () => {
    await rig.put(served(THERE));
    assert.deepEqual(await ask("tcp", N1[4], NODE_PORT, 2), { [`${THERE} ${HIDDEN}`]: 2 });
    const pod = `${THERE} ${rig.address("n1-pod1", 4)}`;
    assert.deepEqual(await rig.wire.ask(rig.netns("n1-pod1"), "tcp", BALANCED[4], 80, 2), { [pod]: 2 });
    assert.deepEqual(await rig.wire.ask(node("n1"), "tcp", BALANCED[4], 80, 2), { [`${THERE} ${N1[4]}`]: 2 });
  });

  it("are found as before once nobody asks for it", async () => {
    await rig.put(web((family) => [endpoint(THERE, family)], {}));
    assert.deepEqual(await ask("tcp", BALANCED[4], 80, 2), { [`${THERE} ${HIDDEN}`]: 2 });
    assert.equal(await remembered(), 0);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`go on while both node processes are away after ${signal}, and as they come back`, async () => {
      await rig.put(served(HERE, THERE, "n2-pod3"));
      const keys = Array.from({ length: 6 }, (_, i) => `held ${i}`);
      for (const key of keys) await rig.wire.hold(key, outside(), BALANCED[4], 80);
      await rig.wire.startLoad("new", outside(), BALANCED[4], 80);
      await until(async () => Object.keys(await rig.wire.readLoad("new")).length === 3);
      for (const name of ["n1", "n2"]) await rig.cluster.stop(name, signal);
      assert.ok((await remembered()) >= 1);
      for (const name of ["n1", "n2"]) await rig.cluster.restart(name);
      const heard = Object.keys(await rig.wire.stopLoad("new")).sort();
      assert.deepEqual(heard, [HERE, THERE, "n2-pod3"].map((pod) => `${pod} ${OUTSIDE[4]}`).sort());
      for (const key of keys) assert.equal(await rig.wire.talk(key), "still there?");
      for (const key of keys) await rig.wire.hangUp(key);
    });
});

const DIRECT = { "weir.dev/load-balancer-mode": "dsr" } as const;

const COUNTERS = `table inet answers { chain forward { type filter hook forward priority 0;
  ip saddr ${BALANCED[4]} counter
  ip6 saddr ${BALANCED[6]} counter
}
}
`;
