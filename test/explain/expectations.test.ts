import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "#base/address.ts";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { evaluate } from "#pipeline/explain/evaluate.ts";
import { checkExpectation, type Expectation, readExpectation } from "#pipeline/explain/expectations.ts";
import { node } from "#test/pipeline/samples.ts";
import { clusters, labelled, PACKETS, pod, policy } from "./clusters.ts";

function read(value: unknown): Expectation {
  const expectation = readExpectation(value);
  assert.ok(!Array.isArray(expectation), "it is faulty");
  return expectation as Expectation;
}

const cluster = readCluster([
  node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
  pod("shop/web-1", { app: "web" }),
  pod("shop/web-2", { app: "web", old: "yes" }),
  pod("shop/api", { app: "api" }, { ports: [{ name: "http", containerPort: 8080 }] }),
  policy("shop/api", { ...labelled("api"), ingress: [{ from: [labelled("web")], ports: [{ port: "http" }] }] }),
  policy("shop/web", { ...labelled("web"), policyTypes: ["Ingress"] }),
]);

function check(value: object): string {
  const outcome = checkExpectation(cluster, read(value));
  if (outcome.type === "faulty") return `${outcome.fault.field} ${outcome.fault.message}`;
  return outcome.type === "held" ? "held" : outcome.message;
}

describe("an expectation", () => {
  it("holds exactly where the evaluator says the same", () => {
    fc.assert(
      fc.property(clusters, fc.constantFrom(...PACKETS), ({ objects, podOf, ...rest }, packet) => {
        const port = packet.destinationPort ?? 80;
        const tcp = { ...packet, protocol: 6, destinationPort: port };
        const { isAllowed } = evaluate(objects, podOf, tcp);
        const ends = { from: formatIp(packet.source), to: formatIp(packet.destination), port };
        const typeOf = (expect: string) =>
          checkExpectation({ objects, podOf, ...rest }, read({ ...ends, expect })).type;
        assert.deepEqual([typeOf("allow"), typeOf("deny")], isAllowed ? ["held", "failed"] : ["failed", "held"]);
      }),
    );
  });

  it("is held by every pair that it means, and every port", () => {
    assert.equal(
      check({ from: "shop/app=web", to: "shop/api", port: "http", expect: "allow", by: "shop/api" }),
      "held",
    );
    assert.equal(check({ from: "shop/api", to: "shop/app=web", expect: "deny", by: "shop/web" }), "held");
    assert.equal(
      check({ from: "shop/app=web", to: "shop/api", expect: "allow" }),
      "shop/web-1 to shop/api at other (IPv4): deny by shop/api",
    );
    assert.equal(
      check({ from: "shop/*", to: "shop/web-2", port: 80, expect: "allow" }),
      "shop/api to shop/web-2 at 80/TCP (IPv4): deny by shop/web",
    );
    assert.equal(
      check({ from: "shop/web-1", to: "shop/api", port: 8080, expect: "allow", by: "shop/web" }),
      "shop/web-1 to shop/api at 8080/TCP (IPv4): allow by shop/api; write by: with one of these, or none",
    );
  });

  it("is faulty where it names what is not there", () => {
    const ends = { from: "shop/web-1", to: "shop/api" };
    assert.match(check({ ...ends, from: "shop/nobody", expect: "deny" }), /^from is no pod/);
    assert.match(check({ ...ends, to: "shop/app=nobody", expect: "deny" }), /^to is no pod/);
    assert.equal(
      check({ ...ends, expect: "deny", by: "shop/x" }),
      "by is shop/x, which no manifest has; there are shop/api, shop/web",
    );
    assert.match(check({ ...ends, port: "metrics", expect: "deny" }), /^port is no name of a port of shop\/api/);
    assert.match(check({ ...ends, to: "2001:db8::1", expect: "deny" }), /^to has no address of a family/);
  });

  it("is faulty where it is not written as one, and all that is wrong is named", () => {
    const fieldsOf = (value: unknown) => {
      const faults = readExpectation(value);
      return Array.isArray(faults) ? faults.map(({ field }) => field) : [];
    };
    for (const value of [null, 1, "x", []]) assert.deepEqual(fieldsOf(value), [""]);
    assert.deepEqual(fieldsOf({}), ["from", "to", "expect"]);
    assert.deepEqual(fieldsOf({ from: "a b", to: ["x"], port: "80/XTP", expect: "yes", by: "a/b/c", form: 1 }), [
      "form",
      "from",
      "to",
      "expect",
      "port",
      "by",
    ]);
    assert.deepEqual(fieldsOf({ from: "a", to: "b", port: 0, expect: "allow" }), ["port"]);
    assert.deepEqual(fieldsOf({ from: "a", to: "b", port: null, expect: "allow" }), []);
  });
});
