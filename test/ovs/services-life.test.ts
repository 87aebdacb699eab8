import assert from "node:assert/strict";
import { weirctl } from "#test/cli/run.ts";
import { createRandom } from "#test/support/random.ts";
import {
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { malformedServices } from "#test/support/service-malformed.ts";
import { until } from "../watch/until.ts";

const VIP = "10.96.0.10";
const CLIENT = "n1-pod1";
const STAYS = "n1-pod2";
const OTHERS = ["n1-pod3", "n2-pod1", "n2-pod2"];
const ROUNDS = 12;
const SEED = Number(process.env["SEED"] ?? Date.now() % 2 ** 32);

describe("services whose endpoints, policies and nodes change, with real connections", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;
  before(async () => {
    rig = await startServiceCluster({ name: "svclife", families: [4, 6], podsPerNode: 3 });
  });
  after(() => rig?.close());

  const endpoint = (pod: string, more: object = {}) => ({
    addresses: [rig.address(pod, 4)],
    nodeName: pod.split("-")[0],
    ...more,
  });
  const web = (pods: readonly string[], spec: object = {}): object[] => [
    service("web", {
      clusterIPs: [VIP],
      ports: [
        { port: 80, name: "t" },
        { port: 80, name: "u", protocol: "UDP" },
      ],
      ...spec,
    }),
    slice(
      "web",
      4,
      pods.map((pod) => endpoint(pod)),
      [
        { name: "t", port: SERVER_PORT },
        { name: "u", port: SERVER_PORT, protocol: "UDP" },
      ],
    ),
  ];
  const ask = (count: number, sourcePort = 0) => rig.wire.ask(rig.netns(CLIENT), "tcp", VIP, 80, count, sourcePort);
  const named = (pod: string) => `${pod} ${rig.address(CLIENT, 4)}`;

  it("share connections evenly among endpoints: chi-squared over 4,000", async () => {
    const pods = [STAYS, ...OTHERS];
    await rig.put(web(pods));
    const heard = await ask(4000);
    assert.deepEqual(Object.keys(heard).sort(), pods.map(named).sort());
    const chiSquared = Object.values(heard).reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // Three degrees of freedom: more than this comes by chance once in a million times.
    assert.ok(chiSquared < 30.7, `${chiSquared}: ${JSON.stringify(heard)}`);
  });

  it("choose for the same client and port as before, unless its endpoint went: the others keep theirs", async () => {
    const ports = Array.from({ length: 40 }, (_, i) => 20_000 + i);
    const choices = async () => Promise.all(ports.map(async (port) => Object.keys(await ask(1, port))[0]));
    await rig.put(web([STAYS, ...OTHERS]));
    const before = await choices();
    await rig.put(web([STAYS, ...OTHERS.slice(1)]));
    const after = await choices();
    for (const [i, choice] of before.entries())
      if (choice !== named(OTHERS[0]!)) assert.equal(after[i], choice, `port ${ports[i]}`);
    assert.ok(before.includes(named(OTHERS[0]!)));
    assert.ok(!after.includes(named(OTHERS[0]!)));
  });

  it("lose no connection to endpoints that stay, new or held, while others come and go", async () => {
    await rig.put(web([STAYS]));
    assert.equal(await rig.wire.hold("held", rig.netns(CLIENT), VIP, 80), named(STAYS));
    await rig.wire.startLoad("load", rig.netns(CLIENT), VIP, 80);
    for (let round = 0; round < ROUNDS; round++) {
      const others = OTHERS.filter((_pod, i) => ((round + 1) >> i) & 1);
      await rig.put(web([STAYS, ...others]));
      assert.equal(await rig.wire.talk("held"), "still there?");
    }
    const heard = await rig.wire.stopLoad("load");
    const strangers = Object.keys(heard).filter((what) => ![STAYS, ...OTHERS].map(named).includes(what));
    assert.deepEqual(strangers, [], JSON.stringify(heard));
    await rig.wire.hangUp("held");
  });

  it("lose none from pods and processes of both nodes either, in both families, by TCP and UDP", async () => {
    const both = (pods: readonly string[]): object[] => [
      service("both", {
        clusterIPs: ["10.96.0.30", "fd96::30"],
        ports: [
          { port: 80, name: "t" },
          { port: 80, name: "u", protocol: "UDP" },
        ],
      }),
      ...([4, 6] as const).map((family) =>
        slice(
          "both",
          family,
          pods.map((pod) => ({ addresses: [rig.address(pod, family)], nodeName: pod.split("-")[0] })),
          [
            { name: "t", port: SERVER_PORT },
            { name: "u", port: SERVER_PORT, protocol: "UDP" },
          ],
        ),
      ),
    ];
    await rig.put(both([STAYS]));
    const nodes = [...rig.cluster.lab.nodes].map(([name, { endpoint }]) => [name, endpoint.netns] as const);
    const clients = [[CLIENT, rig.netns(CLIENT)], ["n2-pod3", rig.netns("n2-pod3")], ...nodes] as const;
    const loads = clients.flatMap(([name, netns]) =>
      ["10.96.0.30", "fd96::30"].map((address) => ({ key: `${name} ${address}`, netns, address })),
    );
    // A tunnel's first packet to a peer is lost while Open vSwitch asks for its MAC.
    for (const { netns, address } of loads) await rig.wire.ask(netns, "udp", address, 80, 1);
    for (const { key, netns, address } of loads) {
      await rig.wire.startLoad(`tcp ${key}`, netns, address, 80);
      await rig.wire.startStream(`udp ${key}`, netns, address, 80);
    }
    for (let round = 0; round < ROUNDS; round++) {
      const others = ["n1-pod3", "n2-pod1", "n2-pod2"].filter((_pod, i) => ((round + 1) >> i) & 1);
      await rig.put(both([STAYS, ...others]));
    }
    for (const { key } of loads)
      for (const protocol of ["tcp", "udp"]) {
        const heard = await rig.wire.stopLoad(`${protocol} ${key}`);
        const wrong = Object.keys(heard).filter((what) => !/^n\d-pod\d /.test(what));
        assert.deepEqual(wrong, [], `${protocol} ${key} ${JSON.stringify(heard)}`);
        const servers = new Set(Object.keys(heard).map((what) => what.split(" ")[0]));
        // A socket of UDP keeps its endpoint, for it is the one that stays.
        if (protocol === "udp") assert.deepEqual([...servers], [STAYS], `${key} ${JSON.stringify(heard)}`);
        else assert.ok(servers.size > 1, `${key} ${JSON.stringify(heard)}`);
      }
  });

  it("keep a connection to an endpoint that is going, and give new ones to others", async () => {
    const going = { conditions: { ready: false, serving: true, terminating: true } };
    await rig.put(web([STAYS]));
    await rig.wire.hold("old", rig.netns(CLIENT), VIP, 80);
    const [of] = web([]);
    const ports = [{ name: "t", port: SERVER_PORT }];
    await rig.put([of!, slice("web", 4, [endpoint(STAYS, going), endpoint("n2-pod1")], ports)]);
    assert.deepEqual(await ask(10), { [named("n2-pod1")]: 10 });
    assert.equal(await rig.wire.talk("old"), "still there?");
    await rig.wire.hangUp("old");
  });

  it("serve on among hundreds of malformed ones, of which the switch refuses nothing that is made of them", async () => {
    const broken = malformedServices(400, createRandom(SEED));
    await rig.put(web([STAYS]));
    await rig.wire.startLoad("load", rig.netns(CLIENT), VIP, 80);
    await rig.put([...broken, ...web([STAYS, OTHERS[0]!])]);
    await until(async () => Object.keys(await rig.wire.readLoad("load")).length === 2);
    const { controlSocket } = rig.cluster.lab.nodes.get("n1")!.weir.paths;
    const { code, out } = await weirctl(["get", "services", "-o", "json", "--socket", controlSocket]);
    const states = new Set(JSON.parse(out).map(({ state }: { state: string }) => state));
    assert.deepEqual([code, [...states].sort()], [0, ["ignored", "realised"]], `SEED=${SEED}`);
    await rig.put(web([STAYS]));
    const heard = await rig.wire.stopLoad("load");
    assert.deepEqual(Object.keys(heard).sort(), [STAYS, OTHERS[0]!].map(named).sort(), `SEED=${SEED}`);
  });

  it("are shown with their endpoints and what each has got, with their flows and their groups, and explained", async () => {
    const ports = [{ port: 80 }];
    const kept = { clusterIPs: ["10.96.0.21"], sessionAffinity: "ClientIP", ports };
    const endpoints = [STAYS, "n2-pod1"].map((pod) => endpoint(pod));
    await rig.put([
      ...[service("shown", { clusterIPs: ["10.96.0.20"], ports }), service("remembers", kept)],
      ...["shown", "remembers"].map((name) =>
        slice(name, 4, [...endpoints, endpoint("n2-pod2", { conditions: { ready: false } })], [{ port: SERVER_PORT }]),
      ),
    ]);
    const asked = await rig.wire.ask(rig.netns(CLIENT), "tcp", "10.96.0.20", 80, 40);
    await rig.wire.ask(rig.netns(CLIENT), "tcp", "10.96.0.21", 80, 1);
    const { controlSocket } = rig.cluster.lab.nodes.get("n1")!.weir.paths;
    const read = async (...argv: readonly string[]) =>
      JSON.parse((await weirctl([...argv, "-o", "json", "--socket", controlSocket])).out);
    // The switch takes its datapath's counts over now and then.
    await until(async () => (await read("get", "services", "shown"))[0].packets === 40);
    const [{ state, backends }] = await read("get", "services", "shown");
    assert.equal(state, "realised");
    const shown = new Map<string, { packets?: number; reason?: string }>(
      backends[0].endpoints.map((one: { address: string }) => [one.address, one]),
    );
    for (const pod of [STAYS, "n2-pod1"]) assert.equal(shown.get(rig.address(pod, 4))?.packets, asked[named(pod)], pod);
    const { packets, reason } = shown.get(rig.address("n2-pod2", 4)) ?? {};
    assert.deepEqual([packets, reason], [undefined, "it is not ready"]);
    const flows: { owners: string[]; site: string; status: string }[] = await read(
      ...["flows", "--owner", "service/default/remembers"],
    );
    assert.ok(flows.every(({ owners }) => owners.every((owner) => owner.startsWith("service default/remembers"))));
    const [learned, ...more] = flows.filter(({ status }) => status === "learned");
    assert.deepEqual([learned?.site, more], ["services/remembered", []]);
    const [group, ...others] = await read("groups", "--owner", "service/default/shown");
    assert.deepEqual([group.bucketPackets.length, group.status, others], [2, "installed", []]);
    const [explained] = await read("explain", `default/${CLIENT}`, "svc/default/shown:80", "--live");
    assert.deepEqual(
      explained.chosen,
      [STAYS, "n2-pod1"].map((pod) => `${rig.address(pod, 4)}:${SERVER_PORT}`),
    );
    assert.ok(explained.endpoints.every(({ verdict }: { verdict: string }) => verdict === "allow"));
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`serve on while the node process is away after ${signal}, and when it is back nothing was written`, async () => {
      await rig.put([
        ...web([STAYS, ...OTHERS]),
        service("kept", { clusterIPs: ["10.96.0.11"], sessionAffinity: "ClientIP", ports: [{ port: 80 }] }),
        slice(
          "kept",
          4,
          OTHERS.map((pod) => endpoint(pod)),
          [{ port: SERVER_PORT }],
        ),
      ]);
      const kept = () => rig.wire.ask(rig.netns(CLIENT), "tcp", "10.96.0.11", 80, 3);
      const before = await kept();
      await rig.wire.startLoad("load", rig.netns(CLIENT), VIP, 80);
      await until(async () => Object.keys(await rig.wire.readLoad("load")).length === 4);
      const since = performance.now();
      const old = await written(rig);
      await rig.cluster.stop("n1", signal);
      await rig.cluster.restart("n1");
      const now = await written(rig);
      const elapsed = (performance.now() - since) / 1000;
      assert.deepEqual([...now.keys()].sort(), [...old.keys()].sort());
      assert.deepEqual(
        [...now].filter(([, age]) => age < elapsed - 0.01).map(([what]) => what),
        [],
      );
      const heard = await rig.wire.stopLoad("load");
      assert.deepEqual(Object.keys(heard).sort(), [STAYS, ...OTHERS].map(named).sort());
      assert.deepEqual(await kept(), before);
    });

  it("are judged by policies as what they lead to: denied again and again, and let through when the policy goes", async () => {
    const deny = {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
      metadata: { name: "deny", namespace: "default" },
      spec: { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [{ ipBlock: { cidr: `${VIP}/32` } }] }] },
    };
    await rig.put([...web(OTHERS.slice(1)), deny]);
    const netns = rig.netns(CLIENT);
    // Its SYN is sent again each second, in one connection that conntrack knows.
    assert.deepEqual(await ask(1), { timeout: 1 });
    assert.deepEqual(await ask(1, 22_000), { timeout: 1 });
    assert.deepEqual(await rig.wire.ask(netns, "udp", VIP, 80, 1, 21_000), { timeout: 1 });
    await rig.wire.startLoad("asking", netns, VIP, 80);
    await rig.put(web(OTHERS.slice(1)));
    const allowed = OTHERS.slice(1).map(named);
    // What was asked before may have given up by then.
    await until(async () => Object.keys(await rig.wire.readLoad("asking")).some((what) => allowed.includes(what)));
    const load = await rig.wire.stopLoad("asking");
    assert.deepEqual(
      Object.keys(load).filter((what) => ![...allowed, "timeout"].includes(what)),
      [],
    );
    // What was denied is forgotten: another connection from its port is a new one.
    for (const heard of [await ask(5), await ask(1, 22_000), await rig.wire.ask(netns, "udp", VIP, 80, 1, 21_000)])
      assert.deepEqual(
        Object.keys(heard).filter((what) => !allowed.includes(what)),
        [],
        JSON.stringify(heard),
      );
  });
});

/** Every flow and group of n1's switch but what it has learned, with its age in seconds. */
async function written(rig: ServiceCluster): Promise<ReadonlyMap<string, number>> {
  const flows = (await rig.ofctl("n1", "dump-flows")).split("\n").filter((line) => line.includes("actions="));
  const groups = (await rig.ofctl("n1", "dump-group-stats")).split("\n").filter((line) => line.includes("group_id="));
  const entries = [...flows.filter((line) => !line.includes("hard_timeout=")), ...groups];
  return new Map(
    entries.map((line) => [
      line.replace(
        /(duration|n_packets|n_bytes|idle_age|ref_count|packet_count|byte_count|bucket\d+:packet_count)=[^, ]*,? ?/g,
        "",
      ),
      Number(/duration=([\d.]+)s/.exec(line)?.[1]),
    ]),
  );
}
