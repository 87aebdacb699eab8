import assert from "node:assert/strict";
import { formatIp, parseIp } from "#base/address.ts";
import { clusterOf, readCluster } from "#pipeline/explain/cluster.ts";
import { createMatrix } from "#pipeline/explain/matrix.ts";
import { keyOfMade, podOfWorkload, withoutReplaced } from "#pipeline/explain/workload-pods.ts";
import { workloadsOf } from "#pipeline/explain/workloads.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node, port } from "#test/pipeline/samples.ts";
import { labelled, pod, policy } from "./clusters.ts";

describe("a cluster read from manifests", () => {
  it("gives pods without an address a free one of their node's networks, or one in 10.192.0.0/10", () => {
    const { objects, podOf, assumptions } = readCluster([
      node("n1", ["10.0.1.0/29", "fd00:1::/64"], ["172.18.0.1"]),
      pod("a/b", {}),
      pod("a/a", {}),
      pod("a/c", {}, { ips: ["10.0.1.2"] }),
      pod("a/d", {}, { node: "elsewhere" }),
      pod("a/e", {}, { hostNetwork: true }),
    ]);
    assert.deepEqual(assumptions, [
      "pod a/a: address 10.0.1.3, fd00:1::2",
      "pod a/b: address 10.0.1.4, fd00:1::3",
      "pod a/d: address 10.192.0.2",
      "pod a/e: address 172.18.0.1",
    ]);
    assert.equal(podOf(parseIp("10.0.1.4")!), objects.Pod.get("a/b"));
    assert.equal(podOf(parseIp("10.0.1.2")!), objects.Pod.get("a/c"));
    assert.equal(podOf(parseIp("172.18.0.1")!), undefined, "the node's");
  });

  it("has the addresses of ports where a node's own view tells of no others", () => {
    const store = createModelStore([]);
    const changes = [
      pod("a/web", {}),
      pod("a/db", {}, { ips: ["10.0.1.9"] }),
      pod("a/far", {}),
      port("p1", 7, ["10.0.1.5"], "a/web"),
    ];
    store.apply({ source: "test", synced: true, changes });
    const { objects, podOf } = clusterOf(store.view);
    const texts = [...objects.Pod].map(([key, { ips }]) => `${key} ${ips.map(formatIp).join()}`);
    assert.deepEqual(texts, ["a/web 10.0.1.5", "a/db 10.0.1.9", "a/far "]);
    assert.equal(podOf(parseIp("10.0.1.5")!), objects.Pod.get("a/web"));
  });

  it("leaves a pod without an address where its node's networks are full", () => {
    const pods = ["a/a", "a/b", "a/c"].map((key) => pod(key, {}));
    const { assumptions } = readCluster([node("n1", ["10.0.1.0/30"], ["172.18.0.1"]), ...pods]);
    assert.deepEqual(assumptions, ["pod a/a: address 10.0.1.2", "pod a/b: address 10.0.1.3"]);
  });

  it("says of pods that share an address whose it is not", () => {
    const { problems } = readCluster(["a/a", "a/b"].map((key) => pod(key, {}, { ips: ["10.0.0.5"] })));
    assert.deepEqual(
      problems.map(({ object, field }) => [object, field]),
      [["Pod a/b", "status.podIPs[0].ip"]],
    );
  });
});

describe("workloads", () => {
  it("are the pods of a namespace with equal labels, apart from those that controllers give", () => {
    const changes = [
      node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
      pod("a/web-1", { app: "web", tier: "front", "pod-template-hash": "1" }),
      pod("a/web-2", { tier: "front", app: "web", "pod-template-hash": "2" }),
      pod("a/db-0", { app: "db", "statefulset.kubernetes.io/pod-name": "db-0" }),
      pod("a/db-1", { app: "db", "statefulset.kubernetes.io/pod-name": "db-1" }),
      pod("b/web-1", { app: "web", tier: "front" }),
      pod("b/bare", {}),
      policy("a/first", {
        podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "db-0" } },
        ingress: [{ from: [labelled("web")] }],
      }),
    ];
    const { pods, classOf } = createMatrix(readCluster(changes));
    assert.deepEqual(
      workloadsOf(pods, classOf).map(({ name, pods: members }) => `${name}: ${members.length}`),
      [
        "a/app=db (as db-0): 1",
        "a/app=db (as db-1): 1",
        "a/app=web,tier=front: 2",
        "b/bare: 1",
        "b/app=web,tier=front: 1",
      ],
    );
  });

  it("bring a pod under their own name, unless one of their pods is there", () => {
    const template = (app: string) => ({ template: { metadata: { labels: { app } }, spec: { hostNetwork: true } } });
    const made = [
      { kind: "Deployment", metadata: { name: "web", namespace: "a" }, spec: template("web") },
      { kind: "CronJob", metadata: { name: "job" }, spec: { jobTemplate: { spec: template("job") } } },
      { kind: "Deployment", metadata: { name: "empty" }, spec: {} },
      { kind: "Deployment", metadata: null, spec: template("web") },
    ].map(podOfWorkload);
    assert.deepEqual(made, [
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "web", namespace: "a", labels: { app: "web" } },
        spec: { hostNetwork: true },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "job", namespace: undefined, labels: { app: "job" } },
        spec: { hostNetwork: true },
      },
      undefined,
      undefined,
    ]);
    assert.deepEqual(
      made.slice(0, 2).map((one) => keyOfMade(one!)),
      ["a/web", "default/job"],
    );
    const changes: readonly RawChange[] = [
      { kind: "Pod", key: "a/web", object: made[0] },
      { kind: "Pod", key: "default/job", object: made[1] },
      pod("a/web-5d9f", { app: "web", "pod-template-hash": "5d9f" }),
      pod("b/job", { app: "job" }),
    ];
    assert.deepEqual(
      withoutReplaced(changes, new Set(["a/web", "default/job"])).map(({ key }) => key),
      ["default/job", "a/web-5d9f", "b/job"],
    );
  });
});
