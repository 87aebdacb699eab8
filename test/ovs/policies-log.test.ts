import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { ConnectionRecord } from "#controller/node/http/node-view.ts";
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
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ["tcp", "udp"] as const;
const FLOOD = 1500;

describe("connections on which policies decide that are logged", function () {
  this.timeout(60_000);
  let cluster: AnnotatedCluster;
  /** Records that were there before the test, by node. */
  let before_: Readonly<Record<string, number>>;

  before(async () => {
    cluster = await startAnnotatedCluster("plog");
  });
  after(() => cluster?.close());

  const all = (node: string) => cluster.read<ConnectionRecord[]>(node, "get", "connections");
  const news = async (node: string) => (await all(node)).slice(before_[node] ?? 0);
  const netns = (pod: string) => cluster.rig.netns(pod);
  async function put(...policies: readonly object[]): Promise<void> {
    await cluster.put(...policies);
    before_ = { n1: (await all("n1")).length, n2: (await all("n2")).length };
  }
  const summary = ({ verdict, direction, pod, peer, protocol, policies, rule }: ConnectionRecord) =>
    [verdict, direction, pod, peer, protocol, policies.join(" "), rule].join(", ");

  it("are told with names of both ends, policy, rule and verdict: ingress and egress, on one node and between two", async () => {
    await put(
      networkPolicy(
        "in",
        SERVER,
        { log: "all" },
        { ingress: [{ from: [podOfApp("n1-pod3")] }, { from: [podOfApp(CLIENTS.here), podOfApp(CLIENTS.there)] }] },
      ),
      networkPolicy("out", CLIENTS.there, { log: "egress[0]" }, { policyTypes: ["Egress"], egress: [{}] }),
    );
    for (const client of Object.values(CLIENTS))
      for (const family of FAMILIES)
        for (const protocol of PROTOCOLS)
          for (const address of [cluster.addressesOf(SERVER)[family], VIPS[family]])
            assert.deepEqual(Object.keys(await cluster.ask(netns(client), protocol, address, 1)), [
              `${SERVER} ${cluster.addressesOf(client)[family]}`,
            ]);
    const ofClient = (client: string, direction: string) => async () =>
      (await news(client === CLIENTS.there && direction === "egress" ? "n2" : "n1")).filter(
        ({ peer, pod }) => peer === `pod default/${client}` || pod === `default/${client}`,
      );
    for (const client of Object.values(CLIENTS)) {
      await until(async () => (await ofClient(client, "ingress")()).length >= 8);
      const told = (await ofClient(client, "ingress")()).map(summary);
      const expected = PROTOCOLS.map(
        (protocol) =>
          `allow, ingress, default/${SERVER}, pod default/${client}, ${protocol.toUpperCase()}, default/in, ingress rule 1`,
      );
      // UDP's first datagram to another node may be lost in the tunnel and sent again.
      assert.deepEqual([...new Set(told)].sort(), expected.sort());
      assert.equal(told.filter((text) => text.includes("TCP")).length, 4);
    }
    await until(async () => (await news("n2")).length >= 8);
    assert.deepEqual([...new Set((await news("n2")).map(summary))].sort(), [
      `allow, egress, default/${CLIENTS.there}, pod default/${SERVER}, TCP, default/out, egress rule 0`,
      `allow, egress, default/${CLIENTS.there}, pod default/${SERVER}, UDP, default/out, egress rule 0`,
    ]);
    const record = (await news("n1")).find(
      ({ protocol, podAddress }) => protocol === "TCP" && !podAddress.includes(":"),
    );
    assert.deepEqual([record?.destinationPort, record?.podAddress], [SERVER_PORT, cluster.addressesOf(SERVER)[4]]);
    assert.ok((record?.sourcePort ?? 0) > 1023);
    const log = await readFile(cluster.rig.cluster.lab.nodes.get("n1")!.weir.paths.log, "utf8");
    assert.match(
      log,
      /"a policy decided on a connection".*"default\/in"|"default\/in".*"a policy decided on a connection"/,
    );
  });

  it("are told once, however much goes on in them, and not at all if they were there before", async () => {
    await put();
    const { wire } = cluster.rig;
    await wire.hold("old", netns(CLIENTS.here), cluster.addressesOf(SERVER)[4], SERVER_PORT);
    await put(networkPolicy("in", SERVER, { log: "all" }, { ingress: [{}] }));
    await wire.hold("new", netns(CLIENTS.here), cluster.addressesOf(SERVER)[4], SERVER_PORT);
    for (let i = 0; i < 10; i++) for (const key of ["old", "new"]) assert.equal(await wire.talk(key), "still there?");
    await until(async () => (await news("n1")).length > 0);
    assert.equal((await news("n1")).length, 1);
    for (const key of ["old", "new"]) await wire.hangUp(key);
  });

  it("are told when they are denied: for want of a rule, by a rule, and what else allowed them", async () => {
    await put(
      networkPolicy("in", SERVER, { log: "denied", deny: "reject" }, { ingress: [{ from: [podOfApp("n1-pod3")] }] }),
      networkPolicy("out", CLIENTS.here, { log: "egress[0]" }, { policyTypes: ["Egress"], egress: [{}] }),
      clusterPolicy("guard", "n2-pod2", { log: "all" }, { egress: [{ action: "Deny", to: [{ namespaces: {} }] }] }),
    );
    await cluster.ask(netns(CLIENTS.here), "tcp", cluster.addressesOf(SERVER)[6], 1);
    await cluster.ask(netns("n1-pod3"), "tcp", cluster.addressesOf(SERVER)[6], 1);
    await until(async () => (await news("n1")).length >= 2);
    assert.deepEqual((await news("n1")).map(summary).sort(), [
      `allow, egress, default/${CLIENTS.here}, pod default/${SERVER}, TCP, default/out, egress rule 0`,
      `deny, ingress, default/${SERVER}, pod default/${CLIENTS.here}, TCP, default/in, `,
    ]);
    await cluster.ask(netns("n2-pod2"), "udp", cluster.addressesOf(SERVER)[4], 1);
    await until(async () => (await news("n2")).length > 0);
    assert.deepEqual(
      [...new Set((await news("n2")).map(summary))],
      [`deny, egress, default/n2-pod2, pod default/${SERVER}, UDP, guard, egress rule 0`],
    );
    assert.match(
      await cluster.weirctl("n2", "get", "connections"),
      /deny +egress +default\/n2-pod2 +pod default\/n1-pod2 \(10\.10\.1\.\d+\) +8080\/UDP +denied by guard, egress rule 0/,
    );
  });

  it("are told by the rule that is logged, where another would allow them as well", async () => {
    await put(
      networkPolicy("a-plain", SERVER, {}, { ingress: [{}] }),
      networkPolicy(
        "b-logged",
        SERVER,
        { log: "ingress[1]" },
        { ingress: [{ from: [], ports: [{ port: 1 }] }, { from: [podOfApp(CLIENTS.here)] }] },
      ),
      networkPolicy("c-plain", SERVER, {}, { ingress: [{ from: [podOfApp(CLIENTS.here)] }] }),
    );
    await cluster.ask(netns(CLIENTS.here), "tcp", cluster.addressesOf(SERVER)[4], 5);
    await cluster.ask(netns("n1-pod3"), "tcp", cluster.addressesOf(SERVER)[4], 2);
    await until(async () => (await news("n1")).length >= 5);
    const told = (await news("n1")).map(({ policies, rule, peer }) => [peer, ...policies, rule].join(" "));
    assert.deepEqual(told, Array(5).fill(`pod default/${CLIENTS.here} default/b-logged ingress rule 1`));
  });

  it("are told up to the meter's rate, and the rest is counted", async () => {
    await put(networkPolicy("in", SERVER, { log: "all" }, { ingress: [] }));
    const target = `/dev/udp/${cluster.addressesOf(SERVER)[4]}/9999`;
    await shell(
      "ip",
      "netns",
      "exec",
      netns(CLIENTS.here),
      "bash",
      "-c",
      `exec 3>${target}; for ((i = 0; i < ${FLOOD}; i++)); do echo -n x >&3; done`,
    );
    const counts = async () => {
      // Counters are read anew for policies.
      await cluster.weirctl("n1", "get", "policies");
      return (await cluster.read<{ connections: { told: number; untold: number } }>("n1", "status")).connections;
    };
    await until(async () => (await counts()).untold > 0);
    assert.ok((await counts()).told < FLOOD);
  });
});
