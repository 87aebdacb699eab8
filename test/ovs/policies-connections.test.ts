import assert from "node:assert/strict";
import { createPolicyCluster, namespaceObject, podOf, policy } from "#test/support/policy-cluster.ts";
import type { Manifest, PolicyFabric } from "#test/support/policy-fabric.ts";
import { addressOf, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { until } from "../watch/until.ts";

const CLIENT_PORT = 40_000;
const SERVER_PORT = 80;
/** By whose policy, and where the two are. */
const PLACES = [
  { title: "the server's, on one node", client: "a/web", server: "b/web", denying: "b/deny", type: "Ingress" },
  { title: "the client's, on one node", client: "a/web", server: "b/web", denying: "a/deny", type: "Egress" },
  { title: "the server's, on another node", client: "a/web", server: "b/db", denying: "b/deny", type: "Ingress" },
  { title: "the client's, on another node", client: "a/far", server: "b/web", denying: "a/deny", type: "Egress" },
] as const;

describe("a connection that a policy comes to forbid", function () {
  this.timeout(60_000);
  let fabric: PolicyFabric;
  let port = CLIENT_PORT;
  before(async () => {
    fabric = await createPolicyCluster("polconn");
  });
  after(() => fabric?.close());

  const settle = () => sendProbes(fabric, []);
  async function come(name: string, type: string): Promise<Manifest> {
    const deny = policy(name, { podSelector: {}, policyTypes: [type] });
    fabric.put(deny);
    await fabric.commit();
    return deny;
  }
  async function go(deny: Manifest): Promise<void> {
    fabric.remove(deny);
    await fabric.commit();
  }

  for (const { title, client, server, denying, type } of PLACES) {
    it(`is cut in both directions with the client's next packet, and goes on when the policy goes: TCP, by ${title}`, async () => {
      const { wire } = fabric;
      const netns = (key: string) => fabric.pod(key).netns;
      const address = addressOf(fabric, server, 4);
      const key = `${client} ${server} ${type}`;
      await wire.connect(key, netns(server), netns(client), address, ++port);
      await wire.write(key, "client", 100);
      await wire.write(key, "server", 200);
      await until(async () => (await wire.read(key, "server")) === 100 && (await wire.read(key, "client")) === 200);
      const deny = await come(denying, type);
      await wire.write(key, "client", 10);
      await settle();
      await wire.write(key, "server", 20);
      await settle();
      assert.deepEqual([await wire.read(key, "server"), await wire.read(key, "client")], [100, 200]);
      await go(deny);
      await until(async () => (await wire.read(key, "server")) === 110 && (await wire.read(key, "client")) === 220);
      await wire.hangUp(key);
    });

    for (const isAnswered of [true, false])
      it(`likewise: UDP, ${isAnswered ? "" : "not yet answered, "}by ${title}`, async () => {
        const sourcePort = ++port;
        const there: Probe = {
          ...{ from: client, to: server, family: 6, protocol: "udp" },
          ...{ sourcePort, port: SERVER_PORT },
        };
        const back: Probe = { ...there, from: server, to: client, sourcePort: SERVER_PORT, port: sourcePort };
        const arrived = async (probe: Probe) => (await sendProbes(fabric, [probe]))[0]!.arrived;
        assert.equal(await arrived(there), 1);
        if (isAnswered) assert.equal(await arrived(back), 1);
        const deny = await come(denying, type);
        assert.equal(await arrived(there), 0);
        assert.equal(await arrived(back), 0);
        assert.equal(await arrived(back), 0);
        await go(deny);
        assert.equal(await arrived(there), 1);
        assert.equal(await arrived(back), 1);
      });
  }

  const allow = (from: object, port: number | string) =>
    policy("b/allow", { podSelector: { matchLabels: { app: "db" } }, ingress: [{ from: [from], ports: [{ port }] }] });
  const red = { namespaceSelector: { matchLabels: { team: "red" } }, podSelector: { matchLabels: { app: "web" } } };
  const CHANGES: Readonly<Record<string, () => Manifest>> = {
    "a rule that names another port": () => allow(red, 81),
    "a rule that names another peer": () => allow({ ipBlock: { cidr: "172.18.0.0/16" } }, "http"),
    "another label of the client": () => podOf(fabric, "a/web", { labels: { app: "other" } }),
    "another label of the client's namespace": () => namespaceObject("a", { team: "green" }),
    "another number under the port's name": () =>
      podOf(fabric, "b/db", { ports: [{ name: "http", containerPort: 81 }] }),
  };
  for (const [title, change] of Object.entries(CHANGES))
    it(`is cut by ${title}, and goes on when all is as it was`, async () => {
      const { wire } = fabric;
      const before = [
        allow(red, "http"),
        podOf(fabric, "a/web"),
        podOf(fabric, "b/db"),
        namespaceObject("a", { team: "red" }),
      ];
      fabric.put(...before);
      await fabric.commit();
      for (const family of [4, 6] as const) {
        const address = addressOf(fabric, "b/db", family);
        const [server, client] = [fabric.pod("b/db").netns, fabric.pod("a/web").netns];
        await wire.connect(title, server, client, address, SERVER_PORT);
        const received = async () => [await wire.read(title, "client"), await wire.read(title, "server")];
        await Promise.all([wire.write(title, "client", 100), wire.write(title, "server", 100)]);
        await until(async () => (await received()).every((bytes) => bytes === 100));
        fabric.put(change());
        await fabric.commit();
        for (const end of ["client", "server"] as const) {
          await wire.write(title, end, 10);
          await settle();
        }
        assert.deepEqual(await received(), [100, 100]);
        fabric.put(...before);
        await fabric.commit();
        await until(async () => (await received()).every((bytes) => bytes === 110));
        await wire.hangUp(title);
      }
      fabric.remove(allow(red, "http"));
      await fabric.commit();
    });

  it("is not cut when a policy comes that allows it, and another to some other pod's cost", async () => {
    const { wire } = fabric;
    const key = "allowed";
    await wire.connect(
      key,
      fabric.pod("b/web").netns,
      fabric.pod("a/web").netns,
      addressOf(fabric, "b/web", 6),
      ++port,
    );
    const from = [{ namespaceSelector: { matchLabels: { team: "red" } } }];
    fabric.put(policy("b/allow", { podSelector: {}, ingress: [{ from, ports: [{ port }] }] }));
    await come("beacon/deny", "Ingress");
    await wire.write(key, "client", 100);
    await wire.write(key, "server", 200);
    await settle();
    assert.deepEqual([await wire.read(key, "server"), await wire.read(key, "client")], [100, 200]);
    await wire.hangUp(key);
  });
});
