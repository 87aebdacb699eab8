import assert from "node:assert/strict";
import { parseIp } from "#base/address.ts";
import { readHeaders } from "#pipeline/denials/headers.ts";
import { createPolicyCluster, type PodKey, policy } from "#test/support/policy-cluster.ts";
import { FAMILIES, type Family, type Manifest, type PolicyFabric } from "#test/support/policy-fabric.ts";
import { addressOf, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { everythingThroughServices, serviceObjects } from "#test/support/policy-services.ts";
import { until } from "../watch/until.ts";

const SERVER_PORT = 80;
const SERVERS_DENY = policy("b/deny", { podSelector: {}, policyTypes: ["Ingress"] });
const CLIENTS_DENY = policy("a/deny", { podSelector: {}, policyTypes: ["Egress"] });
/** Whose policy comes, and where the two are. */
const PLACES: readonly { readonly title: string; client: PodKey; server: PodKey; deny: Manifest }[] = [
  { title: "the server's, on one node", client: "a/web", server: "b/web", deny: SERVERS_DENY },
  { title: "the client's, on one node", client: "a/web", server: "b/web", deny: CLIENTS_DENY },
  { title: "the server's, on another node", client: "a/web", server: "b/db", deny: SERVERS_DENY },
  { title: "the client's, on another node", client: "a/far", server: "b/web", deny: CLIENTS_DENY },
];

/** The server sends and the client keeps silent, from the first packet on. */
interface Push {
  readonly there: Probe;
  readonly back: Probe;
}

describe("a connection of which only the server speaks, when a policy comes to forbid it", function () {
  this.timeout(60_000);
  let fabric: PolicyFabric;
  let port = 40_000;
  before(async () => {
    fabric = await createPolicyCluster("polsilent");
    fabric.put(...serviceObjects(fabric));
    await fabric.commit();
    await until(
      async () => (await sendProbes(fabric, everythingThroughServices())).every(({ arrived }) => arrived === 1),
      20_000,
    );
  });
  after(() => fabric?.close());
  afterEach(async () => {
    fabric.remove(...fabric.of("NetworkPolicy").filter(({ metadata }) => metadata.namespace !== "beacon"));
    await fabric.commit();
  });

  async function arrived(...probes: readonly Probe[]): Promise<readonly number[]> {
    return (await sendProbes(fabric, probes)).map((outcome) => outcome.arrived);
  }

  async function begin(client: PodKey, server: PodKey, family: Family, viaService = false): Promise<Push> {
    const sourcePort = ++port;
    const between = (probe: Probe) =>
      probe.from === client && probe.to === server && probe.family === family && probe.protocol === "udp";
    const service = everythingThroughServices().find((probe) => between(probe) && probe.port === SERVER_PORT)?.via;
    const there: Probe = {
      ...{ from: client, to: server, family, protocol: "udp", sourcePort, port: SERVER_PORT },
      ...(viaService && { via: service! }),
    };
    const back: Probe = {
      ...{ from: server, to: client, family, protocol: "udp", sourcePort: SERVER_PORT, port: sourcePort },
    };
    assert.deepEqual([...(await arrived(there)), ...(await arrived(back))], [1, 1]);
    return { there, back };
  }

  /** Packets without data, at a pod, from another's address: such as nobody here sends. */
  async function countEmpty(at: PodKey, { there }: Push): Promise<number> {
    const heard = (await fabric.wire.run([]))[at] ?? [];
    const source = parseIp(addressOf(fabric, there.from, there.family));
    return heard.filter((frame) => readHeaders(Buffer.from(frame, "hex"))?.source === source).length;
  }

  for (const { title, client, server, deny } of PLACES)
    it(`is cut without a packet of the client: by ${title}`, async () => {
      const pushes: Push[] = [];
      for (const family of FAMILIES)
        for (const viaService of [false, true]) pushes.push(await begin(client, server, family, viaService));
      const backs = pushes.map(({ back }) => back);
      await fabric.wire.forget();
      fabric.put(deny);
      await fabric.commit();
      await until(async () => (await arrived(...backs)).every((count) => count === 0));
      assert.deepEqual(await arrived(...backs), [0, 0, 0, 0]);
      for (const push of pushes) assert.equal(await countEmpty(server, push), 0);
      fabric.remove(deny);
      await fabric.commit();
      assert.deepEqual(await arrived(...pushes.map(({ there }) => there)), [1, 1, 1, 1]);
      assert.deepEqual(await arrived(...backs), [1, 1, 1, 1]);
    });

  it("is cut by another label of the client, and the others to the same server go on", async () => {
    const from = [
      { namespaceSelector: { matchLabels: { team: "red" } }, podSelector: { matchLabels: { app: "api" } } },
    ];
    const other = await begin("a/api", "b/web", 4);
    const pushes = [await begin("a/web", "b/web", 4), await begin("a/web", "b/web", 6)];
    fabric.put(
      policy("b/allow", { podSelector: {}, ingress: [{ from, ports: [{ protocol: "UDP", port: SERVER_PORT }] }] }),
    );
    await fabric.commit();
    await until(async () => (await arrived(...pushes.map(({ back }) => back))).every((count) => count === 0));
    assert.deepEqual(await arrived(other.back), [1]);
  });

  it("is cut by the node process that starts after the policy came", async () => {
    const push = await begin("a/web", "b/web", 6);
    await fabric.stop("n1", "SIGKILL");
    fabric.put(SERVERS_DENY);
    await fabric.write();
    assert.deepEqual(await arrived(push.back), [1]);
    await fabric.restart("n1");
    await fabric.settle("n1");
    await until(async () => (await arrived(push.back))[0] === 0);
  });
});
