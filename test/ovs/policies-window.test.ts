import assert from "node:assert/strict";
import { addToIp, formatIp, parseIp } from "#base/address.ts";
import { podMacOf } from "#controller/node/ports/pod-port.ts";
import { createPolicyCluster, everything, policy } from "#test/support/policy-cluster.ts";
import { FAMILIES, type PluggedPod, type PolicyFabric, podObject } from "#test/support/policy-fabric.ts";
import {
  addressOf,
  describe as describeProbe,
  isAllowed,
  type Probe,
  prepareVolley,
  sendProbes,
} from "#test/support/policy-probes.ts";
import { callCni } from "../../demo/cni.ts";
import { until } from "../watch/until.ts";

/** Of a/: in from a/ and the node, out to a/. Nobody of b/ may send to it, nor it to b/. */
const GUARD = {
  podSelector: { matchLabels: { guarded: "yes" } },
  policyTypes: ["Ingress", "Egress"],
  ingress: [{ from: [{ podSelector: {} }] }],
  egress: [{ to: [{ podSelector: {} }] }],
};

describe("there is no moment without policies", function () {
  this.timeout(60_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polwin");
    fabric.put(policy("a/guard", GUARD));
    await fabric.commit();
  });
  after(() => fabric?.close());

  /** Works again and again until something is done, and twice more. */
  async function throughout(during: Promise<unknown>, round: () => Promise<void>): Promise<number> {
    let left = 2;
    let isDone = false;
    const done = during.finally(() => {
      isDone = true;
    });
    let rounds = 0;
    for (; left > 0; rounds++) {
      if (isDone) left--;
      await round();
    }
    await done;
    return rounds;
  }
  const following = (ips: PluggedPod["ips"]): PluggedPod["ips"] => {
    const next = (family: 4 | 6): string => formatIp(addToIp(parseIp(ips[family])!, 1));
    return { 4: next(4), 6: next(6) };
  };
  const between = (one: string, other: string): Probe[] =>
    FAMILIES.flatMap((family) =>
      (["tcp", "udp"] as const).flatMap((protocol) => [
        { from: one, to: other, family, protocol, port: 80 },
        { from: other, to: one, family, protocol, port: 80 },
      ]),
    );

  for (const isKnown of [true, false])
    it(`for a pod that comes, ${isKnown ? "whose object is there already" : "whose object comes later"}: from its first packet on`, async () => {
      const last = (await fabric.plug("a/new", "n1")).ips;
      await fabric.unplug("a/new");
      const labels = { guarded: "yes" };
      const bare = { ...podObject({ ...fabric.pod("a/api"), key: "a/new", ips: last }, { labels }), status: {} };
      if (isKnown) fabric.put(bare);
      await fabric.commit();
      const forbidden = [...between("a/new", "b/web"), ...between("a/new", "b/db")];
      const allowed = between("a/new", "a/api");

      const surprise = async (ips: typeof last) => {
        const call = await fabric.prepare("a/new", "n1");
        const netns = call.netns.replace("/run/netns/", "");
        const mac = podMacOf(call.containerId, "eth0");
        fabric.arriving.set("a/new", { key: "a/new", node: "n1", netns, mac, ips, call });
        const volley = prepareVolley(fabric, [...forbidden, ...allowed]);
        const add = () => callCni("ADD", call);
        return { call, volley, ...(await fabric.wire.ambush("a/new", netns, "eth0", volley.packets, add)) };
      };
      // Addresses are given in turn: what it will have follows from what one before it had.
      let ips = following(last);
      let met = await surprise(ips);
      // Now and then ADD is done before anybody can look.
      for (let again = 0; again < 5 && !(met.opened && met.rounds > 0); again++) {
        await fabric.finish("a/new", "n1", met.call);
        await fabric.unplug("a/new");
        ips = following(ips);
        met = await surprise(ips);
      }
      const { call, volley, opened, heard, rounds } = met;
      assert.ok(opened && rounds > 0, `${rounds} rounds`);
      const counts = volley.count(heard);
      assert.deepEqual(
        counts.slice(0, forbidden.length),
        forbidden.map(() => 0),
      );
      // ADD again gives what the first one made.
      assert.deepEqual((await fabric.finish("a/new", "n1", call)).ips, ips);
      for (const { probe, arrived } of await sendProbes(fabric, [...forbidden, ...allowed]))
        assert.equal(arrived > 0, isKnown && allowed.includes(probe), describeProbe(probe));
      if (!isKnown) {
        fabric.put(bare);
        await fabric.commit();
        for (const { probe, arrived } of await sendProbes(fabric, allowed))
          assert.equal(arrived, 1, describeProbe(probe));
      }
      await fabric.unplug("a/new");
      fabric.remove(bare);
    });

  const probes = everything(["a/web", "a/api", "b/web", "b/db"]);
  /** No packet is judged otherwise than by the rules of before or of after. */
  async function checkDuring(during: Promise<unknown>, before: readonly boolean[]): Promise<void> {
    const rounds = await throughout(during, async () => {
      const after = probes.map((probe) => isAllowed(fabric, probe));
      const outcomes = await sendProbes(fabric, probes);
      for (const [i, { probe, arrived }] of outcomes.entries())
        if (before[i] === after[i]) assert.equal(arrived > 0, after[i], describeProbe(probe));
    });
    assert.ok(rounds > 3, `${rounds} rounds`);
  }
  const allowedNow = () => probes.map((probe) => isAllowed(fabric, probe));

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`while a node process ends by ${signal} and starts again: nothing opens or closes, and no flow is written`, async () => {
      fabric.put(
        policy("b/db", { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] }] }),
      );
      await fabric.commit();
      const before = await fabric.flowAges("n1");
      const since = performance.now();
      const restart = async (): Promise<void> => {
        await fabric.stop("n1", signal);
        await fabric.restart("n1");
      };
      await checkDuring(restart(), allowedNow());
      const after = await fabric.flowAges("n1");
      const elapsed = (performance.now() - since) / 1000;
      assert.deepEqual(new Set(after.keys()), new Set(before.keys()));
      const young = [...after].filter(([, age]) => age < elapsed - 0.01).map(([flow]) => flow);
      assert.deepEqual(young, []);
    });

  it("while a node process starts that finds other policies than the last one did: by the old ones or by the new ones", async () => {
    await fabric.stop("n1", "SIGKILL");
    const before = allowedNow();
    fabric.put(
      policy("a/guard", {
        podSelector: {},
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ ports: [{ port: 80 }] }],
        egress: [{ to: [{ podSelector: {} }] }],
      }),
    );
    await fabric.commit(["n2"]);
    await checkDuring(fabric.restart("n1"), before);
    assert.deepEqual(
      (await sendProbes(fabric, probes)).map(({ arrived }) => arrived > 0),
      allowedNow(),
    );
  });

  it("while ovs-vswitchd dies and starts again: nothing passes that was forbidden, and all is as before afterwards", async () => {
    const { wire } = fabric;
    const [client, server] = [fabric.pod("a/web"), fabric.pod("a/api")];
    const keys = ["client speaks first", "server speaks first"];
    for (const key of keys) await wire.connect(key, server.netns, client.netns, addressOf(fabric, "a/api", 4), 80);
    const before = await fabric.flowAges("n1");
    const forbidden = prepareVolley(
      fabric,
      probes.filter((probe) => !isAllowed(fabric, probe) && (probe.from === "a/web" || probe.to === "a/web")),
    );
    let passed = 0;
    const attack = async (): Promise<void> => {
      const heard = await wire.run([{ packets: forbidden.packets, fences: [] }]);
      passed += forbidden.count(heard).reduce((sum, count) => sum + count, 0);
    };
    await wire.forget();
    await fabric.killSwitch("n1");
    await attack();
    await fabric.startSwitch("n1");
    await until(async () => {
      await attack();
      return (await fabric.flowAges("n1").catch(() => new Map())).size === before.size;
    });
    await until(async () =>
      (await sendProbes(fabric, probes)).every(({ arrived, probe }) => arrived > 0 === isAllowed(fabric, probe)),
    );
    assert.equal(passed, 0);
    // Conntrack has forgotten both: who speaks first now begins, in its eyes, and only the client may.
    const write = async (key: string, end: "client" | "server"): Promise<void> => {
      await wire.write(key, end, 100);
      await sendProbes(fabric, []);
    };
    await write("server speaks first", "server");
    assert.equal(await wire.read("server speaks first", "client"), 0);
    await write("client speaks first", "client");
    assert.equal(await wire.read("client speaks first", "server"), 100);
    await write("client speaks first", "server");
    assert.equal(await wire.read("client speaks first", "client"), 100);
    await write("server speaks first", "client");
    assert.equal(await wire.read("server speaks first", "server"), 100);
    await until(async () => (await wire.read("server speaks first", "client")) === 100);
    for (const key of keys) await wire.hangUp(key);
  });
});
