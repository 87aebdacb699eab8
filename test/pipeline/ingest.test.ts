import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCidr, formatIp, formatMac } from "#base/address.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { Namespace, Node, Pod, Port, Underlay } from "#pipeline/model/model.ts";
import { KINDS, type Kind } from "#pipeline/source.ts";

function read(kind: Kind, object: unknown, key = "default/web") {
  const { value, problems } = ingest("test", { kind, key, object });
  return { value, problems: problems.map(({ field, message }) => `${field} ${message}`) };
}

describe("ingest", () => {
  it("reads a whole pod", () => {
    const { value, problems } = read("Pod", {
      metadata: {
        ...{ uid: "u", labels: { app: "web" } },
        ...{ creationTimestamp: "2026-01-31T12:00:00Z", deletionTimestamp: "2026-01-31T13:00:00Z" },
      },
      spec: { nodeName: "n1", hostNetwork: true, containers: [{ ports: [{ name: "http", containerPort: 8080 }] }] },
      status: { phase: "Failed", podIPs: [{ ip: "10.0.0.1" }, { ip: "FD00::0:1" }] },
    });
    const pod = value as Pod;
    assert.deepEqual(problems, []);
    assert.deepEqual(pod.ips.map(formatIp), ["10.0.0.1", "fd00::1"]);
    assert.deepEqual(
      { ...pod, ips: [] },
      {
        ...{ namespace: "default", name: "web", uid: "u", labels: new Map([["app", "web"]]), nodeName: "n1" },
        ...{ hostNetwork: true, ips: [], completed: true, terminating: true, created: Date.UTC(2026, 0, 31, 12) },
        ports: new Map([["TCP/http", 8080]]),
      },
    );
  });

  it("takes of a node's conditions the one of its network, whatever the others are", () => {
    const condition = { type: "NetworkUnavailable", status: "False", reason: "WeirReady" };
    const networkOf = (conditions: unknown) => {
      const { value, problems } = read("Node", { status: { conditions } });
      assert.deepEqual(problems, []);
      return (value as Node).networkUnavailable;
    };
    const expected = { status: "False", reason: "WeirReady", message: undefined };
    assert.deepEqual(networkOf([null, { type: "Ready" }, condition]), expected);
    for (const nothing of ["none", [{ type: "Ready" }], []]) assert.equal(networkOf(nothing), undefined);
  });

  it("takes an object without anything for one that is just beginning", () => {
    for (const kind of ["Pod", "Node", "Namespace", "NetworkPolicy", "Service"] as const)
      assert.deepEqual(read(kind, {}).problems, [], kind);
    const pending = read("Pod", { spec: { nodeName: null }, status: { podIPs: null } });
    assert.deepEqual(pending.problems, []);
    assert.equal((pending.value as Pod).nodeName, undefined);
  });

  it("knows the named ports of containers that run beside each other, the first of two with one name", () => {
    const ports = (...list: readonly unknown[]) => ({ ports: list });
    const { value, problems } = read("Pod", {
      spec: {
        containers: [
          ports({ name: "dns", containerPort: 53, protocol: "UDP" }, { containerPort: 1 }),
          {},
          ports(
            { name: "dns", containerPort: 5353, protocol: "TCP" },
            { name: "dns", containerPort: 54, protocol: "UDP" },
          ),
        ],
        initContainers: [
          { restartPolicy: "Always", ...ports({ name: "sidecar", containerPort: 9 }) },
          ports({ name: "setup", containerPort: 10 }),
        ],
      },
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      [...(value as Pod).ports],
      [
        ["UDP/dns", 53],
        ["TCP/dns", 5353],
        ["TCP/sidecar", 9],
      ],
    );
    const bad = ports({ name: "a", containerPort: 0 }, { name: "b", containerPort: 1, protocol: "ICMP" }, 7);
    assert.deepEqual(read("Pod", { spec: { containers: [bad, { ports: 1 }, null] } }).problems, [
      "spec.containers[0].ports[0].containerPort is 0; a port from 1 to 65535 is expected",
      'spec.containers[0].ports[1].protocol is "ICMP"; TCP or UDP or SCTP is expected',
      "spec.containers[1].ports is 1; a list is expected",
    ]);
  });

  it("takes a pod whose age cannot be read for the oldest", () => {
    const { value, problems } = read("Pod", { metadata: { creationTimestamp: "yesterday" } });
    assert.equal((value as Pod).created, 0);
    assert.deepEqual(problems, [
      'metadata.creationTimestamp is "yesterday"; a time such as 2026-01-31T12:00:00Z is expected',
    ]);
  });

  it("has every namespace carry its name as a label, as the API server does", () => {
    const labels = (object: unknown) => [...(read("Namespace", object, "shop").value as Namespace).labels];
    assert.deepEqual(labels({}), [["kubernetes.io/metadata.name", "shop"]]);
    assert.deepEqual(labels({ metadata: { labels: { a: "b" } } }), [
      ["a", "b"],
      ["kubernetes.io/metadata.name", "shop"],
    ]);
  });

  it("has nothing to say about what is gone", () => {
    for (const kind of KINDS) assert.deepEqual(read(kind, undefined), { value: undefined, problems: [] });
  });

  it("takes the InternalIPs of a node in their order, and podCIDR where there is no list", () => {
    const { value, problems } = read("Node", {
      spec: { podCIDR: "10.0.1.7/24" },
      status: {
        addresses: [
          { type: "Hostname", address: "n1" },
          { type: "InternalIP", address: "fd18::1" },
          { type: "ExternalIP", address: "192.0.2.1" },
          { type: "InternalIP", address: "172.18.0.1" },
        ],
      },
    });
    const node = value as Node;
    assert.deepEqual(problems, []);
    assert.deepEqual(node.addresses.map(formatIp), ["fd18::1", "172.18.0.1"]);
    assert.deepEqual(node.podCidrs.map(formatCidr), ["10.0.1.0/24"]);
  });

  it("refuses podCIDRs that cannot hold pods, and keeps those beside them", () => {
    const refused = ["0.0.0.0/0", "10.0.0.0/7", "10.0.0.0/31", "255.255.255.255/32", "127.0.0.0/8", "224.0.0.0/8"];
    refused.push("::/0", "fd00::/127", "fd00::1/128", "ff00::/16", "::1/64", "10.0.0.0", "10.0.0/24", "10.0.0.0/024");
    for (const cidr of refused) {
      const { value, problems } = read("Node", { spec: { podCIDRs: [cidr, "10.9.0.0/30", "fd09::/126"] } }, "n1");
      assert.deepEqual((value as Node).podCidrs.map(formatCidr), ["10.9.0.0/30", "fd09::/126"]);
      const message = `spec.podCIDRs[0] is "${cidr}"; a network with room for pods, such as 10.0.1.0/24 or fd00:1::/64, is expected`;
      assert.deepEqual(problems, [message]);
    }
  });

  it("refuses InternalIPs that are no host's", () => {
    for (const address of [
      "0.0.0.0",
      "127.0.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "::",
      "::1",
      "ff02::1",
      "fe80::1%eth0",
    ]) {
      const { value, problems } = read("Node", { status: { addresses: [{ type: "InternalIP", address }] } }, "n1");
      assert.deepEqual((value as Node).addresses, [], address);
      assert.equal(problems.length, 1, address);
    }
  });

  it("waits for a port that Open vSwitch has not opened, and needs number and MAC of one that it has", () => {
    const externalIds = { "weir-mac": "0A:58:00:00:00:0a", "weir-ips": "10.0.0.1,fd00::1", "weir-pod-name": "web" };
    const { value, problems } = read("Port", { ofport: 7, externalIds }, "weir1");
    const port = value as Port;
    assert.deepEqual(problems, []);
    assert.deepEqual([port.name, port.ofport, formatMac(port.mac)], ["weir1", 7, "0a:58:00:00:00:0a"]);
    assert.deepEqual(port.ips.map(formatIp), ["10.0.0.1", "fd00::1"]);

    assert.deepEqual(read("Port", { externalIds }), { value: undefined, problems: [] });
    assert.deepEqual(read("Port", { ofport: -1, externalIds }), {
      value: undefined,
      problems: ["ofport is -1; a whole number from 1 to 4294967039 is expected"],
    });
    assert.deepEqual(read("Port", { ofport: 7, externalIds: { "weir-ips": "10.0.0.1,x" } }), {
      value: undefined,
      problems: [
        "externalIds.weir-mac is absent; a MAC address is expected",
        'externalIds.weir-ips is "x"; a list of IP addresses is expected',
      ],
    });
    const bare = read("Port", { ofport: 7, externalIds: { "weir-mac": "0a:58:00:00:00:0a" } });
    assert.deepEqual(bare.problems, ["externalIds.weir-ips is absent; the pod's IP addresses are expected"]);
    assert.deepEqual((bare.value as Port).ips, []);
  });

  it("knows the networks of the interface between nodes by the addresses on it", () => {
    const { value, problems } = read("Underlay", {
      interface: "eth0",
      mtu: 1500,
      addresses: ["172.18.0.5/24", "fd18::5/64"],
    });
    assert.deepEqual((value as Underlay).networks.map(formatCidr), ["172.18.0.0/24", "fd18::/64"]);
    assert.deepEqual(problems, []);
    assert.deepEqual(read("Underlay", { interface: "eth0", mtu: 20, addresses: ["172.18.0.5/33", "x"] }).problems, [
      "mtu is 20; a whole number from 68 to 65535 is expected",
      'addresses[0] is "172.18.0.5/33"; an address such as 10.0.0.5/24 is expected',
      'addresses[1] is "x"; an address such as 10.0.0.5/24 is expected',
    ]);
  });

  it("never throws, and each problem names source, object, field and what is expected", () => {
    const fields = ["metadata", "spec", "status", "labels", "podCIDRs", "addresses", "podIPs", "externalIds", "ofport"];
    const key = fc.oneof(fc.constantFrom(...fields), fc.string());
    const object = fc.oneof(fc.anything({ key, maxDepth: 4, withBigInt: true, withMap: true, withDate: true }));
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), object, (kind, given) => {
        for (const problem of ingest("test", { kind, key: "a/b", object: given }).problems) {
          assert.equal(problem.source, "test");
          assert.equal(problem.object, `${kind} a/b`);
          assert.match(problem.message, /^is no object$|; .* (is|are) expected$/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("describes briefly what it found, even what no JSON can say", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    assert.deepEqual(read("Pod", { spec: { nodeName: circular } }).problems, [
      "spec.nodeName is no JSON; a string is expected",
    ]);
    const [problem = ""] = read("Pod", { spec: { nodeName: Array(1000).fill("x") } }).problems;
    assert.ok(problem.length < 150, problem);
  });

  it("takes what it is told for data, whatever its name", () => {
    const object: unknown = JSON.parse('{ "metadata": { "labels": { "__proto__": "x", "constructor": "y" } } }');
    const { value, problems } = read("Pod", object);
    assert.deepEqual(problems, []);
    assert.deepEqual([...(value as Pod).labels.keys()], ["__proto__", "constructor"]);
  });
});
