import assert from "node:assert/strict";
import type { DenialRecord } from "#controller/node/http/node-view.ts";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const VIPS = { 4: "10.96.0.20", 6: "fd96::20" } as const;
const REJECT = { annotations: { "policy.weir.dev/deny": "reject" } };
const CLIENTS = { here: "n1-pod1", there: "n2-pod1" } as const;
const SERVER = "n1-pod2";
const FLOOD = 2000;

/** What a client's socket says of ICMP's "administratively prohibited", and of a reset. */
const REFUSED = { tcp: { 4: "ECONNREFUSED", 6: "ECONNREFUSED" }, udp: { 4: "EHOSTUNREACH", 6: "EACCES" } } as const;

function networkPolicy(name: string, app: string, spec: object, metadata: object = REJECT): object {
  return {
    ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
    metadata: { name, namespace: "default", uid: `uid ${name}`, ...metadata },
    spec: { podSelector: { matchLabels: { app } }, ...spec },
  };
}

/** Through tunnels, and by the hosts' own routes. */
for (const encapsulation of ["always", "never"] as const)
  describe(`what a policy refuses, with real connections, encapsulation: ${encapsulation}`, function () {
    this.timeout(60_000);
    let rig: ServiceCluster;
    let objects: readonly object[];

    before(async () => {
      rig = await startServiceCluster({ name: "rej", families: [4, 6], podsPerNode: 3, traffic: { encapsulation } });
      const pods = [...rig.cluster.lab.pods.keys()].map((key) => {
        const name = key.split("/")[1]!;
        const podIPs = FAMILIES.map((family) => ({ ip: rig.address(name, family) }));
        return {
          ...{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: { app: name } } },
          ...{ spec: { nodeName: name.split("-")[0], containers: [] }, status: { podIPs } },
        };
      });
      await rig.cluster.write("pods.yaml", pods);
      objects = [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } },
        service("web", {
          clusterIPs: [VIPS[4], VIPS[6]],
          ports: [
            { name: "", port: SERVER_PORT },
            { name: "u", port: SERVER_PORT, protocol: "UDP" },
          ],
        }),
        ...FAMILIES.map((family) =>
          slice(
            "web",
            family,
            [{ addresses: [rig.address(SERVER, family)], nodeName: "n1" }],
            [
              { name: "", port: SERVER_PORT },
              { name: "u", port: SERVER_PORT, protocol: "UDP" },
            ],
          ),
        ),
      ];
    });
    after(() => rig?.close());

    const put = (...policies: readonly object[]) => rig.put([...objects, ...policies]);
    const ask = (netns: string, protocol: "tcp" | "udp", address: string, count = 3) =>
      rig.wire.ask(netns, protocol, address, SERVER_PORT, count);
    const netnsOfNode = (node: string) => rig.cluster.lab.nodes.get(node)!.endpoint.netns;
    const socketOf = (node: string) => rig.cluster.lab.nodes.get(node)!.weir.paths.controlSocket;
    async function denials(node: string): Promise<readonly DenialRecord[]> {
      return JSON.parse(await shell("bin/weirctl", "get", "denials", "-o", "json", "--socket", socketOf(node)));
    }
    async function expectRefused(
      netns: string,
      address: Readonly<Record<Family, string>>,
      what: string,
    ): Promise<void> {
      for (const family of FAMILIES)
        for (const protocol of ["tcp", "udp"] as const) {
          const heard = await ask(netns, protocol, address[family]);
          assert.deepEqual(heard, { [REFUSED[protocol][family]]: 3 }, `${what}, ${protocol} IPv${family}`);
        }
    }
    const addressOf = (pod: string) => ({ 4: rig.address(pod, 4), 6: rig.address(pod, 6) });

    it("is told to clients on the server's node, on another, and on another node's network: ingress", async () => {
      await put(
        networkPolicy("in", SERVER, { ingress: [{ from: [{ podSelector: { matchLabels: { app: "n1-pod3" } } }] }] }),
      );
      await expectRefused(rig.netns(CLIENTS.here), addressOf(SERVER), "on the same node");
      await expectRefused(rig.netns(CLIENTS.there), addressOf(SERVER), "on another node");
      await expectRefused(netnsOfNode("n2"), addressOf(SERVER), "another node itself");
      assert.deepEqual(Object.values(await ask(rig.netns("n1-pod3"), "tcp", rig.address(SERVER, 4))), [3]);
    });

    it("is told from a service's address, where one has led the client on", async () => {
      await expectRefused(rig.netns(CLIENTS.here), VIPS, "on the server's node");
      await expectRefused(rig.netns(CLIENTS.there), VIPS, "on another node");
    });

    it("is a denial with names as well", async () => {
      for (const client of Object.values(CLIENTS))
        await until(async () =>
          (await denials("n1")).some(
            ({ peer, pod, policies, destinationPort }) =>
              peer === `pod default/${client}` &&
              pod === `default/${SERVER}` &&
              destinationPort === SERVER_PORT &&
              policies.join() === "default/in",
          ),
        );
    });

    it("is told to a pod of what its own policies deny it: egress, to pods, services and the world", async () => {
      await put(networkPolicy("out", CLIENTS.here, { policyTypes: ["Egress"] }));
      await expectRefused(rig.netns(CLIENTS.here), addressOf(SERVER), "to a pod");
      await expectRefused(rig.netns(CLIENTS.here), VIPS, "to a service");
      await expectRefused(rig.netns(CLIENTS.here), { 4: "203.0.113.9", 6: "2001:db8:9::9" }, "to the world");
    });

    it("is told of what a ClusterNetworkPolicy denies, and of nothing that another drops", async () => {
      const rule = { action: "Deny", from: [{ namespaces: {} }] };
      const guard = (metadata: object, priority: number, app: string) => ({
        ...{ apiVersion: "policy.networking.k8s.io/v1alpha2", kind: "ClusterNetworkPolicy" },
        metadata: { name: `guard-${app}`, uid: `uid ${app}`, ...metadata },
        spec: {
          ...{ tier: "Admin", priority, ingress: [rule] },
          subject: { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app } } } },
        },
      });
      await put(guard(REJECT, 5, SERVER), guard({}, 6, "n1-pod3"), networkPolicy("out", SERVER, { ingress: [{}] }));
      await expectRefused(rig.netns(CLIENTS.here), addressOf(SERVER), "by the rule");
      await expectRefused(rig.netns(CLIENTS.there), addressOf(SERVER), "by the rule");
      assert.deepEqual(await ask(rig.netns(CLIENTS.here), "tcp", rig.address("n1-pod3", 4), 1), { timeout: 1 });
    });

    it("ends a connection that is cut at once", async () => {
      for (const [i, client] of Object.values(CLIENTS).entries()) {
        await put();
        const key = `${encapsulation} ${i}`;
        await rig.wire.hold(key, rig.netns(client), rig.address(SERVER, 4), SERVER_PORT);
        assert.equal(await rig.wire.talk(key), "still there?");
        await put(networkPolicy("in", SERVER, { ingress: [] }));
        await until(async () => /ECONNRESET|EPIPE/.test(await rig.wire.talk(key)));
        await rig.wire.hangUp(key);
      }
    });

    it("is told no more often than the meter says, and is dropped beyond", async () => {
      await put(networkPolicy("in", SERVER, { ingress: [] }));
      const target = `/dev/udp/${rig.address(SERVER, 4)}/9999`;
      const loop = `for ((i = 0; i < ${FLOOD}; i++)); do echo -n x > ${target}; done`;
      const untold = async () =>
        Number(/0: packet_count:(\d+)/.exec(await rig.ofctl("n1", "meter-stats", "meter=2"))?.[1]);
      await shell("ip", "netns", "exec", rig.netns(CLIENTS.there), "bash", "-c", loop);
      await until(async () => (await untold()) > 0);
      assert.deepEqual(await ask(rig.netns("n2-pod2"), "tcp", rig.address("n1-pod3", 4), 1), {
        [`n1-pod3 ${rig.address("n2-pod2", 4)}`]: 1,
      });
    });
  });
