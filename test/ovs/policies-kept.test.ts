import assert from "node:assert/strict";
import { createPolicyCluster, type PodKey, policy } from "#test/support/policy-cluster.ts";
import type { PolicyFabric } from "#test/support/policy-fabric.ts";
import { addressOf, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { until } from "../watch/until.ts";

const CLIENT_PORT = 40_000;
/** Whose policy comes, and where the two are. */
const PLACES = [
  { title: "on one node", client: "a/web", server: "b/web" },
  { title: "between nodes", client: "a/web", server: "b/db" },
] as const;
const DENYING = [
  policy("b/deny", { podSelector: {}, policyTypes: ["Ingress"] }),
  policy("a/deny", { podSelector: {}, policyTypes: ["Egress"] }),
];

describe("a connection that is kept, as the configuration says", function () {
  this.timeout(60_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polkept", { establishedConnections: "keep" });
  });
  after(() => fabric?.close());
  afterEach(async () => {
    fabric.remove(...DENYING);
    await fabric.commit();
  });

  const udp = (client: PodKey, server: PodKey, sourcePort: number) => {
    const there: Probe = { from: client, to: server, family: 6, protocol: "udp", sourcePort, port: 80 };
    const back: Probe = { ...there, from: server, to: client, sourcePort: 80, port: sourcePort };
    return { there, back };
  };
  const arrived = async (...probes: readonly Probe[]) =>
    (await sendProbes(fabric, probes)).map((outcome) => outcome.arrived);

  for (const { title, client, server } of PLACES)
    it(`goes on in both directions when a policy comes to deny it, and new ones do not begin: ${title}`, async () => {
      const { wire } = fabric;
      const netns = (key: PodKey) => fabric.pod(key).netns;
      await wire.connect(title, netns(server), netns(client), addressOf(fabric, server, 4), 90);
      const sockets = async () => [await wire.read(title, "server"), await wire.read(title, "client")];
      const answered = udp(client, server, CLIENT_PORT);
      const unanswered = udp(client, server, CLIENT_PORT + 1);
      assert.deepEqual(await arrived(answered.there, unanswered.there), [1, 1]);
      assert.deepEqual(await arrived(answered.back), [1]);
      fabric.put(...DENYING);
      await fabric.commit();
      await Promise.all([wire.write(title, "client", 100), wire.write(title, "server", 200)]);
      await until(async () => (await sockets()).join() === "100,200");
      assert.deepEqual(await arrived(answered.there, unanswered.there), [1, 1]);
      assert.deepEqual(await arrived(answered.back, unanswered.back), [1, 1]);
      const another = udp(client, server, CLIENT_PORT + 2);
      const begun: Probe = { from: client, to: server, family: 4, protocol: "tcp", port: 90 };
      assert.deepEqual(await arrived(another.there, begun), [0, 0]);
      await wire.hangUp(title);
    });
});
