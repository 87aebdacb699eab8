import assert from "node:assert/strict";
import type { DenialRecord, PolicyReport } from "#controller/node/http/node-view.ts";
import {
  type AnnotatedCluster,
  CLIENTS,
  clusterPolicy,
  networkPolicy,
  podOfApp,
  SERVER,
  startAnnotatedCluster,
  VIPS,
} from "#test/support/annotated-cluster.ts";
import { SERVER_PORT } from "#test/support/service-cluster.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const STAGED = { enforcement: "staged" };
const LEAVING = { enforcement: "staged-deletion" };
const ASKED = 3;

describe("staged policies, with real connections", function () {
  this.timeout(60_000);
  let cluster: AnnotatedCluster;
  before(async () => {
    cluster = await startAnnotatedCluster("stg");
  });
  after(() => cluster?.close());

  const netns = (pod: string) => cluster.rig.netns(pod);
  const report = async (node: string, name: string) =>
    (await cluster.read<PolicyReport[]>(node, "get", "policies", name))[0]!;
  const passes = async (client: string, address: string) =>
    Object.keys(await cluster.ask(netns(client), "tcp", address, ASKED)).every((heard) => heard.startsWith(SERVER));
  const staged = async (node: string) =>
    (await cluster.read<DenialRecord[]>(node, "get", "denials")).filter((denial) => denial.staged);

  it("let everything through, and count what they would: ingress, from pods and by a service, in both families", async () => {
    await cluster.put(networkPolicy("in", SERVER, STAGED, { ingress: [{ from: [podOfApp(CLIENTS.here)] }] }));
    for (const client of Object.values(CLIENTS))
      for (const family of FAMILIES)
        for (const address of [cluster.addressesOf(SERVER)[family], VIPS[family]])
          assert.ok(await passes(client, address), `${client} to ${address}`);
    await until(async () => (await report("n1", "in")).staged?.wouldDeny === 4 * ASKED);
    const { staged: counts, rules, state, packets } = await report("n1", "in");
    assert.deepEqual(
      { ...counts, lastNewlyDenied: undefined },
      {
        ...{ enforcement: "staged", wouldAllow: 4 * ASKED, wouldDeny: 4 * ASKED },
        ...{ newlyAllowed: 0, newlyDenied: 4 * ASKED, lastNewlyDenied: undefined },
      },
    );
    assert.deepEqual([state, packets, rules.map((rule) => rule.packets)], ["realised", 4 * ASKED, [4 * ASKED]]);
    assert.ok(Date.parse(counts?.lastNewlyDenied ?? "") <= Date.now());
    const text = await cluster.weirctl("n1", "get", "policies", "in");
    assert.match(text, /^staging +not in force; with it 12 new connections would have been let through, of which 0/m);
  });

  it("tell with names of what they would deny", async () => {
    await until(async () => (await staged("n1")).length === 4 * ASKED);
    const [first] = await staged("n1");
    assert.deepEqual(
      [first?.pod, first?.peer, first?.direction, first?.reason, first?.policies, first?.destinationPort],
      [`default/${SERVER}`, `pod default/${CLIENTS.there}`, "ingress", "isolation", ["default/in"], SERVER_PORT],
    );
    assert.match(await cluster.weirctl("n1", "get", "denials"), /8080\/TCP +staged +isolated by default\/in/);
  });

  it("are judged for new connections alone: not for what goes on in them", async () => {
    await cluster.put();
    const { wire } = cluster.rig;
    await wire.hold("old", netns(CLIENTS.there), cluster.addressesOf(SERVER)[4], SERVER_PORT);
    await cluster.put(networkPolicy("later", SERVER, STAGED, { ingress: [] }));
    await wire.hold("new", netns(CLIENTS.there), cluster.addressesOf(SERVER)[4], SERVER_PORT);
    for (let i = 0; i < 10; i++) for (const key of ["old", "new"]) assert.equal(await wire.talk(key), "still there?");
    await until(async () => ((await report("n1", "later")).staged?.wouldDeny ?? 0) > 0);
    assert.equal((await report("n1", "later")).staged?.wouldDeny, 1);
    for (const key of ["old", "new"]) await wire.hangUp(key);
  });

  it("count what is denied and would be let through while a deletion is staged, which denies meanwhile", async () => {
    await cluster.put(
      networkPolicy("old", SERVER, { ...LEAVING, deny: "reject" }, { ingress: [{ from: [podOfApp(CLIENTS.here)] }] }),
    );
    const address = cluster.addressesOf(SERVER)[6];
    assert.deepEqual(await cluster.ask(netns(CLIENTS.there), "tcp", address, ASKED), { ECONNREFUSED: ASKED });
    assert.ok(await passes(CLIENTS.here, address));
    await until(async () => (await report("n1", "old")).staged?.newlyAllowed === ASKED);
    const { staged: counts, denied } = await report("n1", "old");
    assert.deepEqual(counts, {
      ...{ enforcement: "staged-deletion", wouldAllow: 2 * ASKED, wouldDeny: 0, newlyAllowed: ASKED, newlyDenied: 0 },
    });
    // Of connections that it cuts the last packets count too.
    assert.ok(denied >= ASKED);
  });

  it("are judged together with what is in force, in all tiers, where the sender is", async () => {
    const deny = [{ action: "Deny", to: [{ namespaces: {} }] }];
    await cluster.put(
      clusterPolicy("guard", CLIENTS.there, STAGED, { egress: deny }),
      networkPolicy("out", CLIENTS.there, {}, { policyTypes: ["Egress"], egress: [{}] }),
    );
    assert.ok(await passes(CLIENTS.there, VIPS[4]));
    await until(async () => (await report("n2", "guard")).staged?.newlyDenied === ASKED);
    const { rules } = await report("n2", "guard");
    assert.deepEqual(
      rules.map(({ verdict, packets }) => [verdict, packets]),
      [["deny", ASKED]],
    );
    await until(async () => (await staged("n2")).some(({ rule }) => rule === "egress rule 0"));
    const [told] = (await staged("n2")).filter(({ rule }) => rule === "egress rule 0");
    assert.deepEqual([told?.reason, told?.policies, told?.direction], ["rule", ["guard"], "egress"]);
  });

  it("come into force at once when they are staged no more, and leave nothing when they go", async () => {
    const flows = async () => (await cluster.rig.ofctl("n1", "dump-flows")).split("\n").length;
    await cluster.put();
    const before = await flows();
    await cluster.put(networkPolicy("in", SERVER, STAGED, { ingress: [] }));
    assert.ok((await flows()) > before);
    await cluster.put(networkPolicy("in", SERVER, { enforcement: "enforced", deny: "reject" }, { ingress: [] }));
    const address = cluster.addressesOf(SERVER)[4];
    assert.deepEqual(await cluster.ask(netns(CLIENTS.here), "tcp", address, 1), { ECONNREFUSED: 1 });
    await cluster.put();
    assert.equal(await flows(), before);
  });
});
