import assert from "node:assert/strict";
import {
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const OUTSIDE = "172.18.0.254";
const N1 = "172.18.0.1";
const N2 = "172.18.0.2";
const BALANCED = "192.0.2.80";
const HIDDEN = "10.10.1.0";
const HAIRPIN = "169.254.119.101";
const HERE = "n1-pod2";
const THERE = "n2-pod2";
const NODE_PORT = 30080;
const HEALTH_PORT = 30999;

describe("services for clients outside, as services, policies and processes come and go", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;

  before(async () => {
    rig = await startServiceCluster({ name: "svcolife", families: [4], podsPerNode: 3 });
    const { netns } = rig.cluster.fabric.outside;
    await shell("ip", "netns", "exec", netns, "ip", "route", "add", "192.0.2.0/24", "via", N1);
    await shell("ip", "netns", "exec", netns, "ip", "address", "add", "172.18.0.253/24", "dev", "wire");
    await shell("ip", "netns", "exec", node("n1"), "ip", "address", "add", "172.18.0.101/32", "dev", "br-phy");
  });
  after(() => rig?.close());

  const node = (name: string): string => rig.cluster.lab.nodes.get(name)!.endpoint.netns;
  const outside = (): string => rig.cluster.fabric.outside.netns;
  const web = (pods: readonly string[], spec: object = {}): object[] => [
    service(
      "web",
      {
        type: "LoadBalancer",
        clusterIPs: ["10.96.0.10"],
        ports: [
          { port: 80, name: "t", nodePort: NODE_PORT },
          { port: 80, name: "u", nodePort: NODE_PORT, protocol: "UDP" },
        ],
        ...spec,
      },
      { status: { loadBalancer: { ingress: [{ ip: BALANCED }] } } },
    ),
    slice(
      "web",
      4,
      pods.map((pod) => ({ addresses: [rig.address(pod, 4)], nodeName: pod.split("-")[0] })),
      [
        { port: SERVER_PORT, name: "t" },
        { port: SERVER_PORT, name: "u", protocol: "UDP" },
      ],
    ),
  ];
  const ask = (netns: string, address: string, port: number, count = 1, protocol: "tcp" | "udp" = "tcp") =>
    rig.wire.ask(netns, protocol, address, port, count);

  it("refuse where there is no endpoint, by either protocol, and lose what only other nodes could serve", async () => {
    await rig.put(web([]));
    for (const protocol of ["tcp", "udp"] as const) {
      assert.deepEqual(await ask(outside(), N1, NODE_PORT, 2, protocol), { ECONNREFUSED: 2 });
      assert.deepEqual(await ask(outside(), BALANCED, 80, 2, protocol), { ECONNREFUSED: 2 });
    }
    await rig.put(web([THERE], { externalTrafficPolicy: "Local" }));
    assert.deepEqual(await ask(outside(), N1, NODE_PORT), { timeout: 1 });
    assert.deepEqual(await ask(outside(), N2, NODE_PORT), { [`${THERE} ${OUTSIDE}`]: 1 });
  });

  it("refuse what a balancer's address is asked for and no service has", async () => {
    await rig.put(web([HERE]));
    assert.deepEqual(await ask(outside(), BALANCED, 81), { ECONNREFUSED: 1 });
    assert.deepEqual(await ask(outside(), BALANCED, 81, 1, "udp"), { ECONNREFUSED: 1 });
  });

  it("let in those whom a balancer's address is for, from outside and from pods; a NodePort is for all", async () => {
    await rig.put(web([HERE], { loadBalancerSourceRanges: [`${OUTSIDE}/32`, `${rig.address("n1-pod1", 4)}/32`] }));
    assert.deepEqual(await ask(outside(), BALANCED, 80), { [`${HERE} ${OUTSIDE}`]: 1 });
    assert.deepEqual(await ask(rig.netns("n1-pod1"), BALANCED, 80), { [`${HERE} ${rig.address("n1-pod1", 4)}`]: 1 });
    await rig.put(web([HERE], { loadBalancerSourceRanges: ["203.0.113.0/24"] }));
    assert.deepEqual(await ask(outside(), BALANCED, 80), { timeout: 1 });
    assert.deepEqual(await ask(rig.netns("n1-pod3"), BALANCED, 80), { timeout: 1 });
    assert.deepEqual(await ask(outside(), N1, NODE_PORT), { [`${HERE} ${OUTSIDE}`]: 1 });
  });

  it("keep a client outside at its endpoint with session affinity", async () => {
    await rig.put(web([HERE, "n1-pod3", THERE, "n2-pod3"], { sessionAffinity: "ClientIP" }));
    const heard = await ask(outside(), N1, NODE_PORT, 12);
    assert.deepEqual(Object.values(heard), [12], JSON.stringify(heard));
  });

  it("lead a pod to itself through a port of its own node, at whichever of the node's addresses", async () => {
    await rig.put(web(["n1-pod1"]));
    for (const address of [N1, "172.18.0.101"])
      for (const protocol of ["tcp", "udp"] as const)
        assert.deepEqual(await ask(rig.netns("n1-pod1"), address, NODE_PORT, 2, protocol), {
          [`n1-pod1 ${HAIRPIN}`]: 2,
        });
    // A process of the node at such an address is known as the gateway.
    assert.deepEqual(await ask(node("n1"), "172.18.0.101", NODE_PORT, 2), { "n1-pod1 10.10.1.1": 2 });
    assert.deepEqual(await ask(rig.netns("n1-pod3"), "172.18.0.101", NODE_PORT), {
      [`n1-pod1 ${rig.address("n1-pod3", 4)}`]: 1,
    });
  });

  it("are at an address of the node itself, if that is one of their external ones", async () => {
    await rig.put(web([HERE, THERE], { externalIPs: [N1] }));
    const expected = [`${HERE} ${OUTSIDE}`, `${THERE} ${HIDDEN}`];
    assert.deepEqual(Object.keys(await ask(outside(), N1, 80, 24)).sort(), expected);
    const pod = rig.address("n1-pod1", 4);
    assert.deepEqual(Object.keys(await ask(rig.netns("n1-pod1"), N1, 80, 24)).sort(), [
      `${HERE} ${pod}`,
      `${THERE} ${pod}`,
    ]);
    assert.deepEqual(Object.keys(await ask(node("n1"), N1, 80, 24)).sort(), [`${HERE} ${N1}`, `${THERE} ${N1}`]);
  });

  it("are judged by policies of their endpoints, which see who the client is", async () => {
    const only = (cidr: string): object => ({
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
      metadata: { name: "only", namespace: "default" },
      spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [{ ipBlock: { cidr } }] }] },
    });
    for (const place of [
      { address: N1, port: NODE_PORT },
      { address: BALANCED, port: 80 },
    ]) {
      await rig.put([...web([HERE], { externalTrafficPolicy: "Local" }), only(`${OUTSIDE}/32`)]);
      assert.deepEqual(await ask(outside(), place.address, place.port), { [`${HERE} ${OUTSIDE}`]: 1 });
      await rig.put([...web([HERE], { externalTrafficPolicy: "Local" }), only("172.18.0.253/32")]);
      assert.deepEqual(await ask(outside(), place.address, place.port), { timeout: 1 });
    }
    // Hidden, a client is no node's own process either: the endpoint's node lets its own in, and nobody else.
    await rig.put([...web([THERE]), only("203.0.113.0/24")]);
    assert.deepEqual(await ask(outside(), N1, NODE_PORT), { timeout: 1 });
    assert.deepEqual(await ask(outside(), N2, NODE_PORT), { timeout: 1 });
    await rig.put([...web([THERE]), only(`${HIDDEN}/32`)]);
    assert.deepEqual(await ask(outside(), N1, NODE_PORT), { [`${THERE} ${HIDDEN}`]: 1 });
  });

  it("tell a balancer whether their node has endpoints, at a port that comes and goes with the service", async () => {
    const health = async (): Promise<string> => {
      const curl = ["curl", "-s", "-m", "3", "-w", "%{http_code} %header{x-load-balancing-endpoint-weight}"];
      const argv = ["ip", "netns", "exec", outside(), ...curl, `http://${N1}:${HEALTH_PORT}/healthz`];
      return (await shell(...argv).catch(() => "nobody")).replace(/\s+/g, " ");
    };
    const local = { externalTrafficPolicy: "Local", healthCheckNodePort: HEALTH_PORT };
    const said = (localEndpoints: number, status: string): string => {
      const of = '{ "service": { "namespace": "default", "name": "web" }';
      return `${of}, "localEndpoints": ${localEndpoints}, "serviceProxyHealthy": true } ${status} ${localEndpoints}`;
    };
    await rig.put(web([HERE, "n1-pod3", THERE], local));
    await until(async () => (await health()) !== "nobody");
    assert.equal(await health(), said(2, "200"));
    await rig.put(web([THERE], local));
    assert.equal(await health(), said(0, "503"));
    await rig.put(web([HERE]));
    await until(async () => (await health()) === "nobody");
  });

  it("cost the host one element, and no rule is written anew", async () => {
    // With handles, which are given out anew when anything is written; without what sets hold.
    const rules = async (): Promise<string> => {
      const text = await shell("ip", "netns", "exec", node("n1"), "nft", "-a", "list", "table", "inet", "weir");
      return text.replace(/elements = {[^}]*}\s*/g, "");
    };
    await rig.put(web([HERE]));
    const before = await rules();
    const more = { type: "NodePort", clusterIPs: ["10.96.0.11"], ports: [{ port: 80, nodePort: 30090 }] };
    const ports = [{ port: SERVER_PORT }];
    const endpoint = { addresses: [rig.address(HERE, 4)], nodeName: "n1" };
    await rig.put([...web([HERE]), service("more", more), slice("more", 4, [endpoint], ports)]);
    assert.deepEqual(await ask(outside(), N1, 30090), { [`${HERE} ${OUTSIDE}`]: 1 });
    await rig.put(web([HERE]));
    assert.deepEqual(await ask(outside(), N1, 30090), { ECONNREFUSED: 1 });
    assert.equal(await rules(), before);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`serve clients outside while the node process is away after ${signal}, and as it comes back`, async () => {
      await rig.put(web([HERE, THERE]));
      const rules = async (): Promise<string> =>
        `${await shell("ip", "netns", "exec", node("n1"), "nft", "-a", "list", "ruleset")}${await shell("ip", "netns", "exec", node("n1"), "ip", "rule", "show")}`;
      const before = await rules();
      await rig.wire.startLoad("port", outside(), N1, NODE_PORT);
      await rig.wire.startLoad("balanced", outside(), BALANCED, 80);
      await until(async () => Object.keys(await rig.wire.readLoad("balanced")).length === 2);
      await rig.cluster.stop("n1", signal);
      await rig.cluster.restart("n1");
      for (const load of ["port", "balanced"])
        assert.deepEqual(Object.keys(await rig.wire.stopLoad(load)).sort(), [
          `${HERE} ${OUTSIDE}`,
          `${THERE} ${HIDDEN}`,
        ]);
      // Handles are given out anew when anything is written.
      assert.equal(await rules(), before);
    });
});
