import assert from "node:assert/strict";
import type { DenialRecord } from "#controller/node/http/node-view.ts";
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
import { type Family, SERVER_PORT } from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const REJECT = { deny: "reject" };
const FLOOD = 2000;
/** What a client's socket says of ICMP's "administratively prohibited", and of a reset. */
const REFUSED = { tcp: { 4: "ECONNREFUSED", 6: "ECONNREFUSED" }, udp: { 4: "EHOSTUNREACH", 6: "EACCES" } } as const;

/** Through tunnels, and by the hosts' own routes. */
for (const encapsulation of ["always", "never"] as const)
  describe(`what a policy refuses, with real connections, encapsulation: ${encapsulation}`, function () {
    this.timeout(60_000);
    let cluster: AnnotatedCluster;

    before(async () => {
      cluster = await startAnnotatedCluster("rej", { encapsulation });
    });
    after(() => cluster?.close());

    const netns = (pod: string) => cluster.rig.netns(pod);
    async function expectRefused(from: string, address: Readonly<Record<Family, string>>, what: string): Promise<void> {
      for (const family of FAMILIES)
        for (const protocol of ["tcp", "udp"] as const) {
          const heard = await cluster.ask(from, protocol, address[family]);
          assert.deepEqual(heard, { [REFUSED[protocol][family]]: 3 }, `${what}, ${protocol} IPv${family}`);
        }
    }

    it("is told to clients on the server's node, on another, and on another node's network: ingress", async () => {
      await cluster.put(networkPolicy("in", SERVER, REJECT, { ingress: [{ from: [podOfApp("n1-pod3")] }] }));
      const server = cluster.addressesOf(SERVER);
      await expectRefused(netns(CLIENTS.here), server, "on the same node");
      await expectRefused(netns(CLIENTS.there), server, "on another node");
      await expectRefused(cluster.netnsOfNode("n2"), server, "another node itself");
      assert.deepEqual(Object.values(await cluster.ask(netns("n1-pod3"), "tcp", server[4])), [3]);
    });

    it("is told from a service's address, where one has led the client on", async () => {
      await expectRefused(netns(CLIENTS.here), VIPS, "on the server's node");
      await expectRefused(netns(CLIENTS.there), VIPS, "on another node");
    });

    it("is a denial with names as well", async () => {
      for (const client of Object.values(CLIENTS))
        await until(async () =>
          (await cluster.read<DenialRecord[]>("n1", "get", "denials")).some(
            ({ peer, pod, policies, destinationPort }) =>
              peer === `pod default/${client}` &&
              pod === `default/${SERVER}` &&
              destinationPort === SERVER_PORT &&
              policies.join() === "default/in",
          ),
        );
    });

    it("is told to a pod of what its own policies deny it: egress, to pods, services and the world", async () => {
      await cluster.put(networkPolicy("out", CLIENTS.here, REJECT, { policyTypes: ["Egress"] }));
      await expectRefused(netns(CLIENTS.here), cluster.addressesOf(SERVER), "to a pod");
      await expectRefused(netns(CLIENTS.here), VIPS, "to a service");
      await expectRefused(netns(CLIENTS.here), { 4: "203.0.113.9", 6: "2001:db8:9::9" }, "to the world");
    });

    it("is told of what a ClusterNetworkPolicy denies, and of nothing that another drops", async () => {
      const ingress = [{ action: "Deny", from: [{ namespaces: {} }] }];
      await cluster.put(
        clusterPolicy("refusing", SERVER, REJECT, { ingress }),
        clusterPolicy("dropping", "n1-pod3", {}, { ingress }),
        networkPolicy("in", SERVER, {}, { ingress: [{}] }),
      );
      await expectRefused(netns(CLIENTS.here), cluster.addressesOf(SERVER), "by the rule");
      await expectRefused(netns(CLIENTS.there), cluster.addressesOf(SERVER), "by the rule");
      const dropped = await cluster.ask(netns(CLIENTS.here), "tcp", cluster.addressesOf("n1-pod3")[4], 1);
      assert.deepEqual(dropped, { timeout: 1 });
    });

    it("ends a connection that is cut at once", async () => {
      const { wire } = cluster.rig;
      for (const client of Object.values(CLIENTS)) {
        await cluster.put();
        await wire.hold(client, netns(client), cluster.addressesOf(SERVER)[4], SERVER_PORT);
        assert.equal(await wire.talk(client), "still there?");
        await cluster.put(networkPolicy("in", SERVER, REJECT, { ingress: [] }));
        await until(async () => /ECONNRESET|EPIPE/.test(await wire.talk(client)));
        await wire.hangUp(client);
      }
    });

    it("is told no more often than the meter says, and is dropped beyond; others go on", async () => {
      await cluster.put(networkPolicy("in", SERVER, REJECT, { ingress: [] }));
      const target = `/dev/udp/${cluster.addressesOf(SERVER)[4]}/9999`;
      const loop = `for ((i = 0; i < ${FLOOD}; i++)); do echo -n x > ${target}; done`;
      const stats = () => cluster.rig.ofctl("n1", "meter-stats", "meter=2");
      await shell("ip", "netns", "exec", netns(CLIENTS.there), "bash", "-c", loop);
      await until(async () => Number(/0: packet_count:(\d+)/.exec(await stats())?.[1]) > 0);
      const other = await cluster.ask(netns("n2-pod2"), "tcp", cluster.addressesOf("n1-pod3")[4], 1);
      assert.deepEqual(other, { [`n1-pod3 ${cluster.addressesOf("n2-pod2")[4]}`]: 1 });
    });
  });
