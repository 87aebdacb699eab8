import assert from "node:assert/strict";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import type { Heard } from "#test/support/service-wire.ts";

const FAMILIES = [4, 6] as const;
const VIPS = {
  web: { 4: "10.96.0.10", 6: "fd96::10" },
  hairpin: { 4: "10.96.0.11", 6: "fd96::11" },
  session: { 4: "10.96.0.12", 6: "fd96::12" },
  nobody: { 4: "10.96.0.13", 6: "fd96::13" },
  near: { 4: "10.96.0.14", 6: "fd96::14" },
  going: { 4: "10.96.0.15", 6: "fd96::15" },
  edge: { 4: "10.96.0.16", 6: "fd96::16" },
  host: { 4: "10.96.0.17", 6: "fd96::17" },
} as const;
const EXTERNAL = { 4: "198.51.100.7", 6: "2001:db8::7" } as const;
const BALANCED = { 4: "192.0.2.80", 6: "2001:db8::80" } as const;
/** Of node n1 itself. */
const HOST = { 4: "172.18.0.1", 6: "fd18::1" } as const;
const GATEWAY = { n1: { 4: "10.10.1.1", 6: "fd10:10:1::1" }, n2: { 4: "10.10.2.1", 6: "fd10:10:2::1" } } as const;
const VIRTUAL = { 4: "169.254.119.101", 6: "fd77:6569:7200::1" } as const;
const PORTS = [
  { name: "", port: 80 },
  { name: "u", port: 80, protocol: "UDP" },
];
const SLICE_PORTS = [
  { name: "", port: SERVER_PORT },
  { name: "u", port: SERVER_PORT, protocol: "UDP" },
];

describe("services, with real connections from pods and nodes", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;

  before(async () => {
    rig = await startServiceCluster({ name: "svc", families: [4, 6], podsPerNode: 3 });
    const { netns } = rig.cluster.lab.nodes.get("n1")!.endpoint;
    for (const family of FAMILIES) await rig.wire.serve("n1", netns, HOST[family], SERVER_PORT);
    const endpoint =
      (family: Family) =>
      (pod: string, more: object = {}) => ({
        addresses: [rig.address(pod, family)],
        nodeName: pod.split("-")[0],
        ...more,
      });
    const of = (name: keyof typeof VIPS, spec: object = {}, more: object = {}) =>
      service(name, { clusterIPs: [VIPS[name][4], VIPS[name][6]], ports: PORTS, ...spec }, more);
    const going = { conditions: { ready: false, serving: true, terminating: true } };
    await rig.put([
      of("web"),
      of("hairpin"),
      of("session", { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 1000 } } }),
      of("nobody"),
      of("near", { internalTrafficPolicy: "Local" }),
      of("going"),
      of("host"),
      of(
        "edge",
        { type: "LoadBalancer", externalIPs: [EXTERNAL[4], EXTERNAL[6]] },
        { status: { loadBalancer: { ingress: [{ ip: BALANCED[4] }, { ip: BALANCED[6] }] } } },
      ),
      ...FAMILIES.flatMap((family) => {
        const at = endpoint(family);
        return [
          slice(
            "web",
            family,
            [at("n1-pod2"), at("n2-pod2"), at("n2-pod3", { conditions: { ready: false } })],
            SLICE_PORTS,
          ),
          slice("hairpin", family, [at("n1-pod1")], SLICE_PORTS),
          slice(
            "session",
            family,
            ["n1-pod2", "n2-pod1", "n2-pod2", "n2-pod3"].map((pod) => at(pod)),
            SLICE_PORTS,
          ),
          slice("near", family, [at("n1-pod3")], SLICE_PORTS),
          slice("going", family, [at("n1-pod3", going), at("n2-pod3", { conditions: { ready: false } })], SLICE_PORTS),
          slice("host", family, [{ addresses: [HOST[family]], nodeName: "n1" }], SLICE_PORTS),
          slice("edge", family, [at("n1-pod2"), at("n2-pod2")], SLICE_PORTS),
        ];
      }),
    ]);
  });
  after(() => rig?.close());

  const ask = (client: string, address: string, count: number, protocol: "tcp" | "udp" = "tcp"): Promise<Heard> =>
    rig.wire.ask(rig.netns(client), protocol, address, 80, count);
  const askFrom = (node: string, address: string, count: number, protocol: "tcp" | "udp"): Promise<Heard> =>
    rig.wire.ask(rig.cluster.lab.nodes.get(node)!.endpoint.netns, protocol, address, 80, count);
  const heard = (client: string, family: Family, ...servers: readonly string[]): string[] =>
    servers.map((server) => `${server} ${rig.address(client, family)}`).sort();

  for (const family of FAMILIES)
    for (const protocol of ["tcp", "udp"] as const) {
      const title = `IPv${family}, ${protocol.toUpperCase()}`;
      for (const client of ["n1-pod1", "n2-pod1"])
        it(`a cluster address leads ${client} to every ready endpoint, here and there, with its own address: ${title}`, async () => {
          const result = await ask(client, VIPS.web[family], 40, protocol);
          assert.deepEqual(Object.keys(result).sort(), heard(client, family, "n1-pod2", "n2-pod2"));
        });
      it(`a pod reaches itself through its service, under another address: ${title}`, async () => {
        const expected = { [`n1-pod1 ${VIRTUAL[family]}`]: 5 };
        assert.deepEqual(await ask("n1-pod1", VIPS.hairpin[family], 5, protocol), expected);
      });
      it(`a client keeps its endpoint with session affinity: ${title}`, async () => {
        for (const client of ["n1-pod1", "n1-pod3", "n2-pod1"]) {
          const result = await ask(client, VIPS.session[family], 12, protocol);
          assert.deepEqual(Object.values(result), [12], JSON.stringify(result));
        }
      });
      it(`a service without endpoints refuses: ${title}`, async () => {
        assert.deepEqual(await ask("n1-pod1", VIPS.nobody[family], 3, protocol), { ECONNREFUSED: 3 });
        assert.deepEqual(await ask("n2-pod1", VIPS.nobody[family], 3, protocol), { ECONNREFUSED: 3 });
      });
      it(`endpoints that are going serve when they are all there is: ${title}`, async () => {
        const result = await ask("n2-pod1", VIPS.going[family], 4, protocol);
        assert.deepEqual(result, { [heard("n2-pod1", family, "n1-pod3")[0]!]: 4 });
      });
      it(`internalTrafficPolicy Local leads to the client's own node, or nowhere: ${title}`, async () => {
        const result = await ask("n1-pod1", VIPS.near[family], 4, protocol);
        assert.deepEqual(result, { [heard("n1-pod1", family, "n1-pod3")[0]!]: 4 });
        // In one protocol, for it takes its time.
        if (protocol === "tcp") assert.deepEqual(await ask("n2-pod1", VIPS.near[family], 1), { timeout: 1 });
      });
      for (const node of ["n1", "n2"] as const)
        it(`the processes of ${node} reach pods as its gateway, and are refused where nobody is: ${title}`, async () => {
          const result = await askFrom(node, VIPS.web[family], 40, protocol);
          const expected = ["n1-pod2", "n2-pod2"].map((pod) => `${pod} ${GATEWAY[node][family]}`);
          assert.deepEqual(Object.keys(result).sort(), expected);
          assert.deepEqual(await askFrom(node, VIPS.nobody[family], 2, protocol), { ECONNREFUSED: 2 });
        });
      it(`a server on a node's own network is reached by pods, its own node and another: ${title}`, async () => {
        for (const pod of ["n1-pod1", "n2-pod1"]) {
          const expected = { [`n1 ${rig.address(pod, family)}`]: 2 };
          assert.deepEqual(await ask(pod, VIPS.host[family], 2, protocol), expected, pod);
        }
        assert.deepEqual(await askFrom("n1", VIPS.host[family], 2, protocol), { [`n1 ${VIRTUAL[family]}`]: 2 });
        const other = family === 4 ? "172.18.0.2" : "fd18::2";
        assert.deepEqual(await askFrom("n2", VIPS.host[family], 2, protocol), { [`n1 ${other}`]: 2 });
      });
      it(`external and load balancer's addresses are a service's too: ${title}`, async () => {
        for (const address of [EXTERNAL[family], BALANCED[family]])
          assert.deepEqual(
            Object.keys(await ask("n1-pod1", address, 40, protocol)).sort(),
            heard("n1-pod1", family, "n1-pod2", "n2-pod2"),
          );
      });
    }
});
