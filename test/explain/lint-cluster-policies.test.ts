import assert from "node:assert/strict";
import { readCluster } from "#pipeline/explain/cluster.ts";
import type { Finding } from "#pipeline/explain/lint/finding.ts";
import { lint } from "#pipeline/explain/lint/lint.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node } from "#test/pipeline/samples.ts";
import { labelled, namespace, pod, policy } from "./clusters.ts";

const SHOP: readonly RawChange[] = [
  node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
  namespace("shop", { team: "shop" }),
  namespace("tools", { team: "tools" }),
  pod("shop/web", { app: "web" }, { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("shop/db", { app: "db" }),
  pod("tools/scan", { app: "scan" }),
];
const EVERYBODY = { namespaces: {} };
const of = (team: string) => ({ namespaces: { matchLabels: { team } } });
const pods = (app: string) => ({ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app } } } });
const accept = (...from: readonly object[]) => ({ action: "Accept", from });
const deny = (...from: readonly object[]) => ({ action: "Deny", from });
const pass = (...from: readonly object[]) => ({ action: "Pass", from });

function cnp(key: string, spec: object): RawChange {
  const whole = { tier: "Admin", priority: 10, subject: EVERYBODY, ...spec };
  return { kind: "ClusterNetworkPolicy", key, object: { metadata: { name: key, generation: 1 }, spec: whole } };
}

function findings(...policies: readonly RawChange[]): readonly Finding[] {
  const changes = [...SHOP, ...policies];
  const cluster = readCluster(changes);
  return lint(changes, cluster, cluster.problems).filter(({ severity }) => severity !== "info");
}
const find = (...policies: readonly RawChange[]) =>
  findings(...policies).map(({ check, object, field }) => `${check} ${object} ${field}`);

describe("the lint of ClusterNetworkPolicies", () => {
  it("finds nothing in what is right", () => {
    const ports = [{ tcp: { destinationPort: { number: 80 } } }, { destinationNamedPort: "http" }];
    const ingress = [{ ...accept(of("tools")), protocols: ports }, deny(of("tools"))];
    const egress = [{ action: "Deny", to: [{ nodes: {} }, { networks: ["192.0.2.0/24"] }] }];
    assert.deepEqual(find(cnp("a", { subject: of("shop"), ingress, egress })), []);
  });

  it("finds subjects and peers that select nobody, and names the item that says so", () => {
    assert.deepEqual(find(cnp("a", { subject: of("shpo"), ingress: [deny(EVERYBODY)] })), [
      "selects-nothing ClusterNetworkPolicy a spec.subject",
    ]);
    const networks = { networks: ["192.0.2.0/24", "198.51.100.0/24"] };
    const to = [networks, pods("wbe"), { nodes: { matchLabels: { zone: "x" } } }];
    assert.deepEqual(find(cnp("a", { egress: [{ action: "Deny", to }] })), [
      "peer-selects-nothing ClusterNetworkPolicy a spec.egress[0].to[1]",
      "peer-selects-nothing ClusterNetworkPolicy a spec.egress[0].to[2]",
    ]);
  });

  it("finds port names that nobody has, of whatever protocol", () => {
    const protocols = [{ destinationNamedPort: "http" }, { destinationNamedPort: "metrics" }];
    assert.deepEqual(find(cnp("a", { ingress: [{ ...deny(EVERYBODY), protocols }] })), [
      "unknown-port-name ClusterNetworkPolicy a spec.ingress[0].protocols[1]",
    ]);
  });

  it("finds policies without rules, which isolate nobody", () => {
    assert.deepEqual(find(cnp("a", {})), ["without-rules ClusterNetworkPolicy a spec"]);
  });

  it("finds rules that an earlier rule of the policy, or of one with a lower number, leaves nothing", () => {
    assert.deepEqual(find(cnp("a", { ingress: [pass(EVERYBODY), deny(pods("scan"))] })), [
      "unreachable-rule ClusterNetworkPolicy a spec.ingress[1]",
    ]);
    const early = cnp("a", { subject: of("shop"), ingress: [deny(EVERYBODY)] });
    const late = (spec: object) => cnp("b", { ingress: [accept(pods("scan"))], ...spec });
    assert.deepEqual(find(early, late({ priority: 11, subject: pods("web") })), [], "another subject may be wider");
    const inside = { priority: 11, subject: { namespaces: { matchLabels: { team: "shop" } } } };
    assert.deepEqual(find(early, late(inside)), ["unreachable-rule ClusterNetworkPolicy b spec.ingress[0]"]);
    assert.deepEqual(find(early, late({ ...inside, priority: 9 })), []);
    const [found] = findings(early, late(inside));
    assert.match(
      found?.message ?? "",
      /ClusterNetworkPolicy a \(Admin 10\) ingress\[0\] is asked before it, and denies/,
    );
  });

  it("finds rules of NetworkPolicies and of the baseline that the admin tier has decided, unless it passes them on", () => {
    const own = policy("shop/p", { podSelector: {}, ingress: [{ from: [labelled("web")] }] });
    const base = cnp("b", { tier: "Baseline", subject: of("shop"), ingress: [deny(pods("scan"))] });
    const both = [
      "unreachable-rule ClusterNetworkPolicy b spec.ingress[0]",
      "unreachable-rule NetworkPolicy shop/p spec.ingress[0]",
    ];
    assert.deepEqual(find(own, base, cnp("a", { ingress: [accept(EVERYBODY)] })), both);
    assert.deepEqual(find(own, base, cnp("a", { ingress: [pass(EVERYBODY)] })), []);
    const some = cnp("a", { ingress: [pass(pods("scan")), accept(EVERYBODY)] });
    assert.deepEqual(find(own, base, some), [], "what is passed on before comes to them");
  });

  it("finds two of one tier and priority that say different things of the same traffic of a pod", () => {
    const one = cnp("a", { subject: of("shop"), ingress: [accept(pods("scan"))] });
    const two = (spec: object) => cnp("b", { subject: pods("web"), ingress: [deny(of("tools"))], ...spec });
    assert.deepEqual(find(one, two({})), ["same-priority ClusterNetworkPolicy b spec.priority"]);
    assert.match(
      findings(one, two({}))[0]?.message ?? "",
      /both select pod shop\/web, and whether ingress\[0\] \(deny\)/,
    );
    assert.deepEqual(find(one, two({ priority: 12 })), []);
    assert.deepEqual(find(one, two({ tier: "Baseline" })), []);
    assert.deepEqual(find(one, two({ subject: of("tools") })), [], "no pod of both");
    assert.deepEqual(find(one, two({ ingress: [deny(pods("db"))] })), [], "no peer of both");
    assert.deepEqual(find(one, two({ ingress: [accept(of("tools"))] })), [], "they say the same");
    const at = (number: number) => ({ protocols: [{ tcp: { destinationPort: { number } } }] });
    const web = cnp("a", { subject: of("shop"), ingress: [{ ...accept(pods("scan")), ...at(80) }] });
    assert.deepEqual(find(web, two({ ingress: [{ ...deny(of("tools")), ...at(81) }] })), [], "no port of both");
  });

  it("lets the admin tier accept DNS for a NetworkPolicy that forgets it", () => {
    const egress = policy("shop/p", {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [labelled("db")], ports: [{ port: 1 }] }],
    });
    assert.deepEqual(find(egress), ["egress-without-dns NetworkPolicy shop/p spec.egress"]);
    const protocols = [{ udp: { destinationPort: { number: 53 } } }, { tcp: { destinationPort: { number: 53 } } }];
    assert.deepEqual(find(egress, cnp("a", { egress: [{ action: "Accept", to: [of("tools")], protocols }] })), []);
  });

  it("tells what is wrong with the object, and what becomes of it until then", () => {
    const [found] = findings(cnp("a", { priority: 1001 }));
    assert.deepEqual([found?.check, found?.severity], ["malformed", "error"]);
    assert.match(found?.remedy ?? "", /denies everything that it would deny or pass/);
  });
});
