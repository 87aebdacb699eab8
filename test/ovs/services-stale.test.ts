import assert from "node:assert/strict";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const VIP = { 4: "10.96.0.10", 6: "fd96::10" } as const;
const CLIENT = "n1-pod1";
const SERVERS = ["n1-pod2", "n1-pod3", "n2-pod1", "n2-pod2", "n2-pod3"];

describe("datagrams of clients that keep their sockets", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;
  before(async () => {
    rig = await startServiceCluster({ name: "svcstale", families: [4, 6], podsPerNode: 3 });
    await rig.put(web(SERVERS));
    // A tunnel's first packet to a peer is lost while Open vSwitch asks for its MAC.
    for (const family of FAMILIES) await rig.wire.ask(rig.netns(CLIENT), "udp", VIP[family], 80, 20);
  });
  after(() => rig?.close());

  const web = (pods: readonly string[], spec: object = {}): object[] => [
    service("web", {
      clusterIPs: [VIP[4], VIP[6]],
      ports: [
        { port: 80, name: "t" },
        { port: 80, name: "u", protocol: "UDP" },
      ],
      ...spec,
    }),
    ...FAMILIES.map((family) =>
      slice(
        "web",
        family,
        pods.map((pod) => ({ addresses: [rig.address(pod, family)], nodeName: pod.split("-")[0] })),
        [
          { name: "t", port: SERVER_PORT },
          { name: "u", port: SERVER_PORT, protocol: "UDP" },
        ],
      ),
    ),
  ];
  const named = (pod: string, family: Family) => `${pod} ${rig.address(CLIENT, family)}`;
  const serverOf = (heard: string) => heard.split(" ")[0]!;
  const hold = (key: string, family: Family, protocol: "tcp" | "udp" = "udp") =>
    rig.wire.hold(key, rig.netns(CLIENT), VIP[family], 80, protocol);
  const without = (...gone: readonly string[]) => SERVERS.filter((pod) => !gone.includes(pod));

  for (const [title, spec] of [
    ["", {}],
    [", with session affinity", { sessionAffinity: "ClientIP" }],
  ] as const)
    for (const family of FAMILIES)
      it(`find another endpoint when theirs goes, and those of others keep theirs, IPv${family}${title}`, async () => {
        await rig.put(web(SERVERS, spec));
        const keys = Array.from({ length: 12 }, (_, i) => `${i}`);
        const before = new Map<string, string>();
        for (const key of keys) before.set(key, await hold(key, family));
        assert.ok([...before.values()].every((heard) => SERVERS.includes(serverOf(heard))));
        const [gone] = [...before.values()].map(serverOf);
        await rig.put(web(without(gone!), spec));
        for (const [key, heard] of before)
          if (serverOf(heard) !== gone) assert.equal(await rig.wire.talk(key), heard);
          else
            await until(async () =>
              without(gone!)
                .map((pod) => named(pod, family))
                .includes(await rig.wire.talk(key)),
            );
        for (const key of keys) await rig.wire.hangUp(key);
      });

  it("find it though they never pause, so that the switch's cache is full of them", async () => {
    await rig.put(web(SERVERS));
    await rig.wire.startStream("stream", rig.netns(CLIENT), VIP[4], 80);
    const heard = () => rig.wire.readLoad("stream");
    await until(async () => Object.keys(await heard()).length > 0);
    for (let round = 0; round < 8; round++) {
      const before = await heard();
      let now = before;
      await until(async () => {
        now = await heard();
        return Object.keys(now).some((what) => (now[what] ?? 0) > (before[what] ?? 0));
      });
      const gone = Object.keys(now).find((what) => (now[what] ?? 0) > (before[what] ?? 0))!;
      await rig.put(web(without(serverOf(gone))));
      // Others answer, and it does not.
      await until(async () => {
        const first = await heard();
        await until(async () => total(await heard()) > total(first) + 20);
        return (await heard())[gone] === first[gone];
      });
      await rig.put(web(SERVERS));
    }
    await rig.wire.stopLoad("stream");
  });

  it("find the first endpoint that comes, though they were refused before, from pods and from nodes", async () => {
    await rig.put(web([]));
    assert.equal(await hold("pod", 4), "ECONNREFUSED");
    const { netns } = rig.cluster.lab.nodes.get("n1")!.endpoint;
    assert.equal(await rig.wire.hold("node", netns, VIP[4], 80, "udp"), "ECONNREFUSED");
    await rig.put(web(["n1-pod2"]));
    await until(async () => (await rig.wire.talk("pod")) === named("n1-pod2", 4));
    await until(async () => serverOf(await rig.wire.talk("node")) === "n1-pod2");
    await rig.put(web([]));
    await until(async () => (await rig.wire.talk("pod")) === "ECONNREFUSED");
    for (const key of ["pod", "node"]) await rig.wire.hangUp(key);
  });

  it("stay with an endpoint that is going as long as it serves, while new ones go elsewhere", async () => {
    const [of, v4] = web(SERVERS.slice(0, 2)) as [object, { readonly endpoints: readonly object[] }];
    await rig.put([of, v4]);
    const stays = serverOf(await hold("held", 4));
    const going = { conditions: { ready: false, serving: true, terminating: true } };
    const endpoints = SERVERS.slice(0, 2).map((pod, i) => ({ ...v4.endpoints[i], ...(pod === stays ? going : {}) }));
    await rig.put([of, { ...v4, endpoints }]);
    const fresh = await rig.wire.ask(rig.netns(CLIENT), "udp", VIP[4], 80, 40);
    const [other] = SERVERS.slice(0, 2).filter((pod) => pod !== stays);
    assert.deepEqual(fresh, { [named(other!, 4)]: 40 });
    assert.equal(await rig.wire.talk("held"), named(stays, 4));
    await rig.put([of, { ...v4, endpoints: v4.endpoints.filter((_, i) => SERVERS[i] !== stays) }]);
    await until(async () => (await rig.wire.talk("held")) === named(other!, 4));
    await rig.wire.hangUp("held");
  });

  it("find another when theirs went while the node process was away", async () => {
    await rig.put(web(SERVERS));
    const gone = serverOf(await hold("held", 4));
    await rig.cluster.stop("n1", "SIGKILL");
    await rig.cluster.write("services.yaml", web(without(gone)));
    assert.equal(await rig.wire.talk("held"), named(gone, 4));
    await rig.cluster.restart("n1");
    await until(async () =>
      without(gone)
        .map((pod) => named(pod, 4))
        .includes(await rig.wire.talk("held")),
    );
    await rig.wire.hangUp("held");
  });

  it("are told from connections of TCP, which stay with their endpoint as long as it answers", async () => {
    await rig.put(web(SERVERS));
    const gone = serverOf(await hold("held", 4, "tcp"));
    await rig.put(web(without(gone)));
    await rig.put(web([]));
    assert.equal(await rig.wire.talk("held"), "still there?");
    await rig.wire.hangUp("held");
  });
});

function total(heard: Readonly<Record<string, number>>): number {
  return Object.values(heard).reduce((sum, count) => sum + count, 0);
}
