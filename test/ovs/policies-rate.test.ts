import assert from "node:assert/strict";
import type { PolicyReport } from "#controller/node/http/node-view.ts";
import {
  type AnnotatedCluster,
  CLIENTS,
  clusterPolicy,
  networkPolicy,
  podOfApp,
  SERVER,
  startAnnotatedCluster,
} from "#test/support/annotated-cluster.ts";
import { SERVER_PORT } from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const RATE = 10;
const FLOOD = 300;
const LIMIT = { "new-connections-per-second": String(RATE) };

describe("a rate of new connections, with real packets", function () {
  this.timeout(60_000);
  let cluster: AnnotatedCluster;
  before(async () => {
    cluster = await startAnnotatedCluster("rate");
  });
  after(() => cluster?.close());

  const netns = (pod: string) => cluster.rig.netns(pod);
  const report = async (node: string, name: string) =>
    (await cluster.read<PolicyReport[]>(node, "get", "policies", name))[0]!;
  /** One datagram from each of so many ports: so many new connections. */
  const flood = (client: string, address: string) =>
    shell(
      ...["ip", "netns", "exec", netns(client), "bash", "-c"],
      `for ((i = 0; i < ${FLOOD}; i++)); do echo -n x > /dev/udp/${address}/9999; done`,
    );
  /** How many of those that the rule would let through it has, and how many were beyond the rate. */
  async function settled(node: string, name: string) {
    await cluster.settleCounts(node);
    const { packets, limit } = await report(node, name);
    const denied = limit?.denied ?? 0;
    return { passed: packets - denied, denied, perSecond: limit?.perSecond };
  }

  for (const [title, client, node, family] of [
    ["ingress, on one node", CLIENTS.here, "n1", 4],
    ["ingress, from another node", CLIENTS.there, "n1", 6],
  ] as const)
    it(`bounds what begins, and counts what is beyond under the policy's name: ${title}`, async () => {
      await cluster.put();
      const name = `in-${family}`;
      await cluster.put(
        networkPolicy(name, SERVER, LIMIT, { ingress: [{ from: [podOfApp(client)] }] }),
        networkPolicy("all", SERVER, {}, { ingress: [{}] }),
      );
      // A tunnel loses what comes before it knows its peer's MAC: here that would be all of them.
      await cluster.ask(netns(client), "tcp", cluster.addressesOf(SERVER)[family], 1);
      const started = performance.now();
      await flood(client, cluster.addressesOf(SERVER)[family]);
      const seconds = (performance.now() - started) / 1000;
      const { passed, denied, perSecond } = await settled(node, name);
      assert.equal(perSecond, RATE);
      // A bucket that was full, and what has come since.
      assert.ok(passed > 0 && passed <= RATE * (seconds + 2), `${passed} in ${seconds} s`);
      // A tunnel may lose some of so many.
      assert.ok(denied > passed, `${denied} denied`);
      assert.match(
        await cluster.weirctl(node, "get", "policies", name),
        /^rate +10 new connections a second pass on this node, \d+ were denied beyond$/m,
      );
    });

  it("bounds what a pod begins: egress, by a ClusterNetworkPolicy", async () => {
    await cluster.put(
      clusterPolicy("out", CLIENTS.there, LIMIT, { egress: [{ action: "Accept", to: [{ namespaces: {} }] }] }),
    );
    await flood(CLIENTS.there, cluster.addressesOf(SERVER)[4]);
    const { passed, denied } = await settled("n2", "out");
    assert.ok(passed > 0 && denied > FLOOD / 2, `${passed} passed, ${denied} denied`);
  });

  it("lets what has begun go on while others are denied, however much is sent", async () => {
    await cluster.put(networkPolicy("in", SERVER, LIMIT, { ingress: [{}] }));
    const { wire } = cluster.rig;
    for (const client of Object.values(CLIENTS))
      await wire.hold(client, netns(client), cluster.addressesOf(SERVER)[6], SERVER_PORT);
    await flood("n1-pod3", cluster.addressesOf(SERVER)[4]);
    for (let i = 0; i < 5 * RATE; i++)
      for (const client of Object.values(CLIENTS)) assert.equal(await wire.talk(client), "still there?");
    for (const client of Object.values(CLIENTS)) await wire.hangUp(client);
    // Another pod's connections are nobody's affair.
    const other = await cluster.ask(netns("n1-pod3"), "tcp", cluster.addressesOf("n2-pod2")[4], 3 * RATE);
    assert.deepEqual(Object.values(other), [3 * RATE]);
  });

  it("is another when the annotation is, and none without it; nothing is left behind", async () => {
    const meters = async () =>
      [...(await cluster.rig.ofctl("n1", "dump-meters")).matchAll(/rate=(\d+)/g)].map(([, rate]) => rate);
    await cluster.put();
    const before = await meters();
    await cluster.put(networkPolicy("in", SERVER, { "new-connections-per-second": "77" }, { ingress: [{}] }));
    await until(async () => (await meters()).includes("77"));
    await cluster.put(networkPolicy("in", SERVER, { "new-connections-per-second": "5000" }, { ingress: [{}] }));
    await until(async () => (await meters()).includes("5000") && !(await meters()).includes("77"));
    const heard = await cluster.ask(netns(CLIENTS.here), "tcp", cluster.addressesOf(SERVER)[4], 200);
    assert.deepEqual(Object.values(heard), [200]);
    await cluster.put(networkPolicy("in", SERVER, {}, { ingress: [{}] }));
    await until(async () => (await meters()).join() === before.join());
  });

  it("stays as it is over a restart of the node process", async () => {
    await cluster.put(networkPolicy("in", SERVER, LIMIT, { ingress: [{}] }));
    const flows = async () =>
      (await cluster.rig.ofctl("n1", "dump-flows")).replaceAll(/(duration|n_packets|n_bytes|idle_age)=[^,]*, /g, "");
    const [meters, before] = [await cluster.rig.ofctl("n1", "dump-meters"), await flows()];
    await cluster.rig.cluster.stop("n1", "SIGTERM");
    await cluster.rig.cluster.restart("n1");
    assert.equal(await cluster.rig.ofctl("n1", "dump-meters"), meters);
    assert.equal(await flows(), before);
  });
});
