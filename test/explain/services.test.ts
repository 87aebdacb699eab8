import assert from "node:assert/strict";
import { ask, readQuestion } from "#pipeline/explain/ask.ts";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { checkExpectation, readExpectation } from "#pipeline/explain/expectations.ts";
import type { ServiceExplanation } from "#pipeline/explain/services.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node } from "#test/pipeline/samples.ts";
import { labelled, namespace, pod, policy } from "./clusters.ts";

const PODS = [
  namespace("shop"),
  node("n1", ["10.10.1.0/24"], ["172.18.0.1"]),
  node("n2", ["10.10.2.0/24"], ["172.18.0.2"]),
  pod("shop/web", { app: "web" }, { ips: ["10.10.1.5"], ports: [{ name: "pg", containerPort: 8080 }] }),
  pod("shop/db-0", { app: "db" }, { ips: ["10.10.1.6"], ports: [{ name: "pg", containerPort: 5433 }] }),
  pod("shop/db-1", { app: "db" }, { ips: ["10.10.2.6"], node: "n2", ports: [{ name: "pg", containerPort: 5434 }] }),
];
const PG = { name: "pg", port: 5432, targetPort: "pg" };

function service(key: string, spec: object, more: object = {}): RawChange {
  return { kind: "Service", key, object: { metadata: {}, spec, ...more } };
}

function slice(name: string, port: number, endpoints: readonly object[]): RawChange {
  const metadata = { labels: { "kubernetes.io/service-name": name } };
  return {
    kind: "EndpointSlice",
    key: `shop/${name}-${port}`,
    object: { metadata, addressType: "IPv4", ports: [{ name: "pg", port }], endpoints },
  };
}

function answer(from: string, to: string, ...changes: readonly RawChange[]) {
  const question = readQuestion(from, to);
  if ("refusal" in question) return question;
  return ask(readCluster([...PODS, ...changes]), question);
}

function servicesOf(from: string, to: string, ...changes: readonly RawChange[]): readonly ServiceExplanation[] {
  const given = answer(from, to, ...changes);
  assert.ok("services" in given, JSON.stringify(given));
  return given.services;
}

/** "shop/db-0 5433/TCP allow". */
function verdicts({ endpoints }: ServiceExplanation): readonly string[] {
  return endpoints.map(({ to, ports, verdict }) => `${to} ${ports.join()} ${verdict}`).sort();
}

describe("traffic to a service, explained", () => {
  const DB = service("shop/db", { clusterIP: "10.96.0.10", selector: { app: "db" }, ports: [PG] });

  it("leads to each endpoint at its own port, where policies are asked", () => {
    const only = policy("shop/db", { ...labelled("db"), ingress: [{ ports: [{ port: 5433 }] }] });
    const [one] = servicesOf("shop/web", "svc/shop/db:5432", DB, only);
    assert.deepEqual(
      [one?.service, one?.address, one?.port, one?.outcome, one?.from, one?.chosen],
      [
        ...["shop/db", "clusterIP 10.96.0.10", "5432/TCP (pg)", "served", ["shop/web"]],
        ["10.10.1.6:5433", "10.10.2.6:5434"],
      ],
    );
    assert.deepEqual(verdicts(one!), ["shop/db-0 5433/TCP allow", "shop/db-1 5434/TCP deny"]);
  });

  it("is the same by its address and by the name of a port, and all of its ports where none is named", () => {
    const [byName] = servicesOf("shop/web", "svc/shop/db:pg", DB);
    for (const to of ["10.96.0.10:5432", "10.96.0.10:pg", "10.96.0.10", "service/shop/db"])
      assert.deepEqual(servicesOf("shop/web", to, DB), [byName], to);
  });

  it("is refused without endpoints, and dropped where they are for other nodes' clients", () => {
    const none = service("shop/none", { clusterIP: "10.96.0.11", ports: [PG] });
    const [refused] = servicesOf("shop/web", "svc/shop/none:5432", none);
    assert.deepEqual([refused?.outcome, refused?.endpoints, refused?.chosen], ["refused", [], []]);
    const local = { clusterIP: "10.96.0.12", internalTrafficPolicy: "Local", ports: [PG] };
    const far = slice("local", 5432, [{ addresses: ["10.10.2.6"], nodeName: "n2" }]);
    const [dropped] = servicesOf("shop/web", "svc/shop/local", service("shop/local", local), far);
    assert.deepEqual([dropped?.outcome, dropped?.reason], ["dropped", "its endpoints are on other nodes"]);
    assert.match(dropped!.unchosen[0]!.reason, /^it is on another node/);
    const [near] = servicesOf("shop/db-1", "svc/shop/local", service("shop/local", local), far);
    assert.equal(near?.outcome, "served");
  });

  it("has for clients of each node the endpoints that are theirs", () => {
    const local = service("shop/local", { clusterIP: "10.96.0.12", internalTrafficPolicy: "Local", ports: [PG] });
    const slices = slice("local", 5432, [
      { addresses: ["10.10.1.6"], nodeName: "n1" },
      { addresses: ["10.10.2.6"], nodeName: "n2" },
    ]);
    const all = servicesOf("shop/*", "svc/shop/local", local, slices);
    assert.deepEqual(
      all.map(({ from, chosen }) => [from, chosen]),
      [
        [["shop/db-0", "shop/web"], ["10.10.1.6:5432"]],
        [["shop/db-1"], ["10.10.2.6:5432"]],
      ],
    );
  });

  it("tells which endpoints get nothing, and why", () => {
    const slices = slice("db", 5433, [
      { addresses: ["10.10.1.6"] },
      { addresses: ["10.10.2.6"], conditions: { ready: false } },
    ]);
    const [one] = servicesOf("shop/web", "svc/shop/db", DB, slices);
    assert.deepEqual(one?.unchosen, [{ address: "10.10.2.6:5433", reason: "it is not ready" }]);
    assert.deepEqual(verdicts(one!), ["shop/db-0 5433/TCP allow"]);
  });

  it("passes always from a pod to itself", () => {
    const closed = policy("shop/closed", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    const [one] = servicesOf("shop/db-0", "svc/shop/db", DB, closed);
    assert.deepEqual(verdicts(one!), ["shop/db-0 5433/TCP allow", "shop/db-1 5434/TCP deny"]);
  });

  it("comes to a balancer's address within its ranges alone, from pods too", () => {
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.80" }] } };
    const ranges = { type: "LoadBalancer", clusterIP: "10.96.0.10", loadBalancerSourceRanges: ["203.0.113.0/24"] };
    const edge = service("shop/db", { ...ranges, selector: { app: "db" }, ports: [PG] }, { status });
    const [barred] = servicesOf("198.51.100.1", "192.0.2.80:5432", edge);
    assert.deepEqual(
      [barred?.outcome, barred?.reason],
      ["dropped", "loadBalancerSourceRanges does not name the sender"],
    );
    assert.equal(servicesOf("203.0.113.9", "192.0.2.80:5432", edge)[0]?.outcome, "served");
    assert.equal(servicesOf("shop/web", "192.0.2.80:5432", edge)[0]?.outcome, "dropped");
  });

  it("is no question of services at a port that the address does not have", () => {
    const given = answer("shop/web", "10.96.0.10:99", DB);
    assert.ok("explanations" in given);
  });

  it("says why there is no answer", () => {
    const headless = service("shop/peers", { clusterIP: "None", ports: [PG] });
    for (const [from, to, refusal] of [
      ["shop/web", "svc/shop/db:99", "svc/shop/db:99: the service has no such port; it has 5432/TCP (pg)"],
      ["shop/web", "svc/shop/dbs", "svc/shop/dbs: there is no such service"],
      [
        ...["shop/web", "svc/shop/peers"],
        "svc/shop/peers: it is no service to be served: it is headless: clients find its endpoints by DNS",
      ],
      ["svc/shop/db", "shop/web", "svc/shop/db: a service sends nothing; name pods"],
    ] as const)
      assert.deepEqual(answer(from!, to!, DB, headless), { refusal });
    const far = answer("fd00::9", "svc/shop/db", DB);
    assert.deepEqual(far, { refusal: "fd00::9 and svc/shop/db have no address family in common" });
  });

  it("is as expected when it is at each endpoint that may be chosen", () => {
    const only = policy("shop/only", { ...labelled("db"), ingress: [{ ports: [{ port: 5433 }] }] });
    const none = service("shop/none", { clusterIP: "10.96.0.11", ports: [PG] });
    const check = (to: string, expect: string, more: object = {}): string => {
      const expectation = readExpectation({ from: "shop/web", to, expect, ...more });
      assert.ok("name" in expectation, JSON.stringify(expectation));
      const outcome = checkExpectation(readCluster([...PODS, DB, only, none]), expectation);
      if (outcome.type === "faulty") return `${outcome.fault.field} ${outcome.fault.message}`;
      return outcome.type === "held" ? "held" : outcome.message;
    };
    assert.equal(check("shop/db-0", "allow", { port: 5433 }), "held");
    const message = "shop/web to service shop/db at 5432/TCP (pg), endpoint shop/db-1: deny by shop/only";
    for (const to of ["svc/shop/db", "10.96.0.10"]) assert.equal(check(to, "allow", { port: 5432 }), message);
    assert.match(
      check("svc/shop/db", "deny"),
      /^shop\/web to service shop\/db at .*, endpoint shop\/db-0: allow by shop\/only$/,
    );
    assert.equal(check("svc/shop/none", "deny"), "held");
    assert.equal(
      check("svc/shop/none", "allow"),
      "shop/web to service shop/none at 5432/TCP (pg): refused, for it has no endpoint",
    );
    assert.equal(check("svc/shop/dbs", "allow"), "to is none to be reached: there is no such service");
  });

  it("is assumed to have an address and its selector's pods, where manifests tell of none", () => {
    const bare = [
      service("shop/db", { selector: { app: "db" }, ports: [PG, { name: "metrics", port: 9100 }] }),
      service("shop/other", { clusterIP: "10.96.0.1", ports: [PG] }),
      service("shop/headless", { clusterIP: "None", selector: { app: "db" }, ports: [PG] }),
      service("shop/name", { type: "ExternalName", externalName: "example.com" }),
    ];
    const { assumptions, objects } = readCluster([...PODS, ...bare]);
    assert.deepEqual(assumptions, ["service shop/db: address 10.96.0.2", "service shop/db: endpoints by its selector"]);
    assert.deepEqual([...objects.ignoredServices.keys()].sort(), ["shop/headless", "shop/name"]);
    const [pg, metrics] = servicesOf("shop/web", "svc/shop/db", ...bare);
    assert.deepEqual(pg?.chosen, ["10.10.1.6:5433", "10.10.2.6:5434"]);
    assert.deepEqual(metrics?.chosen, ["10.10.1.6:9100", "10.10.2.6:9100"]);
  });
});
