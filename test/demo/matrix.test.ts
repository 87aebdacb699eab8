import assert from "node:assert/strict";
import { createModelStore } from "#pipeline/model/store.ts";
import { type Endpoint, formatMatrix, judgeCell, pairsOf } from "../../demo/matrix.ts";
import { readOptions } from "../../demo/options.ts";
import { PROBE_PORT } from "../../demo/prober.ts";
import { createVerdicts } from "../../demo/verdicts.ts";

const pod = (label: string, node: string, last: number): Endpoint => ({
  label,
  kind: "pod",
  node,
  addresses: { 4: `10.10.1.${last}`, 6: `fd10:10:1::${last}` },
});
const web = pod("shop/web", "alpha", 2);
const db = pod("shop/db", "beta", 3);
const alpha: Endpoint = { label: "alpha", kind: "node", addresses: { 4: "172.18.0.1", 6: "fd18::1" } };
const outside: Endpoint = { label: "outside", kind: "outside", addresses: { 4: "172.18.0.254" } };
const everybody = [web, db, alpha, outside];

describe("the demonstration's matrix", () => {
  it("tries pods and nodes with all others, in each family that both ends have, and nothing from the outside", () => {
    const pairs = [...pairsOf(everybody)].map(({ from, to, family }) => `${from.label}>${to.label} ${family}`);
    assert.equal(pairs.length, 15);
    assert.ok(pairs.includes("shop/web>outside 4"));
    assert.ok(!pairs.includes("shop/web>outside 6"));
    assert.ok(!pairs.some((pair) => pair.startsWith("outside")));
    assert.ok(!pairs.includes("shop/web>shop/web 4"));
  });

  it("wants a pod to be seen under its own address by pods, and under its node's by the outside", () => {
    const fault = (to: Endpoint, seenAs: string) => judgeCell(web, to, 4, { id: 1, ping: 1, seenAs }, [alpha]).fault;
    assert.equal(fault(db, "10.10.1.2"), undefined);
    assert.equal(fault(db, "172.18.0.1"), "seen as 172.18.0.1, should be 10.10.1.2");
    assert.equal(fault(outside, "172.18.0.1"), undefined);
    assert.equal(fault(outside, "10.10.1.2"), "seen as 10.10.1.2, should be 172.18.0.1");
  });

  it("needs both the ping and the connection", () => {
    assert.equal(judgeCell(web, db, 4, { id: 1, seenAs: "10.10.1.2" }, [alpha]).fault, "no answer to ping");
    assert.equal(judgeCell(web, db, 4, { id: 1, ping: 1, error: "refused" }, [alpha]).fault, "TCP: refused");
  });

  it("wants nothing to pass that policies deny, and prints that otherwise than what passes", () => {
    const denied = { ping: false, tcp: false };
    const silent = judgeCell(web, db, 4, { id: 1, error: "no answer" }, [alpha], denied);
    assert.equal(silent.fault, undefined);
    assert.match(
      formatMatrix([web, db], [silent], false),
      /shop\/web .*·[\s\S]*·: no connection opened, as the policies have it/,
    );
    const ping = judgeCell(web, db, 4, { id: 1, ping: 1, error: "no answer" }, [alpha], denied);
    assert.equal(ping.fault, "an answer to a ping that policies deny");
    const tcp = judgeCell(web, db, 4, { id: 1, seenAs: "10.10.1.2" }, [alpha], { ping: undefined, tcp: false });
    assert.equal(tcp.fault, "a connection that policies deny");
  });

  it("is judged by what policies say of both ends, and of everybody behind a service", () => {
    const store = createModelStore(["test"]);
    const object = (name: string) => ({
      metadata: { labels: { app: name } },
      spec: { nodeName: name === "db" ? "beta" : "alpha" },
    });
    const ingress = [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: PROBE_PORT }] }];
    const changes = [
      { kind: "Pod", key: "shop/web", object: object("web") },
      { kind: "Pod", key: "shop/db", object: object("db") },
      {
        kind: "NetworkPolicy",
        key: "shop/db",
        object: { spec: { podSelector: { matchLabels: { app: "db" } }, ingress } },
      },
    ] as const;
    store.apply({ source: "test", synced: true, changes });
    const pair = { from: web, to: db, family: 4 } as const;
    const judge = createVerdicts(store.view, everybody);
    const service = (...backends: string[]): Endpoint => ({
      label: "service shop/db",
      kind: "service",
      addresses: { 4: "10.96.0.1" },
      service: { port: 80, backends },
    });
    assert.deepEqual(judge(pair), { ping: false, tcp: true });
    assert.deepEqual(judge({ ...pair, from: alpha }), { ping: false, tcp: false });
    const through = (...backends: string[]) => judge({ ...pair, to: service(...backends) }).tcp;
    assert.equal(through("shop/db"), true);
    assert.equal(through(), false, "it refuses");
    assert.equal(judge({ from: db, to: service("shop/web", "shop/db"), family: 4 }).tcp, true);
    assert.equal(judge({ from: outside, to: service("shop/web", "shop/db"), family: 4 }).tcp, undefined);
  });

  it("is printed as a table with a line for each fault", () => {
    const cells = [...pairsOf(everybody)].map(({ from, to, family }) => {
      const bad = from === web && to === db && family === 6;
      const seenAs = to.kind === "outside" ? "172.18.0.1" : from.addresses[family]!;
      return judgeCell(from, to, family, bad ? { id: 1 } : { id: 1, ping: 0.5, seenAs }, [alpha]);
    });
    const text = formatMatrix(everybody, cells, false);
    const beta: Endpoint = { ...alpha, label: "beta" };
    assert.match(text, /1 shop\/web on alpha: 10\.10\.1\.2 fd10:10:1::2 +- - +✓ ✗ +✓ ✓ +✓/);
    assert.match(text, /✗ shop\/web -> shop\/db fd10:10:1::3: no answer to ping/);
    assert.ok(!text.includes("\u001b["));
    assert.doesNotThrow(() => formatMatrix([web, beta], [], true));
  });
});

describe("the demonstration's options", () => {
  it("name every wrong value at once, with what would be right", () => {
    assert.throws(
      () => readOptions({ DIR: "/nonexistent/folder", TUNNEL: "gre", ENCAP: "sometimes" }),
      /TUNNEL=gre: one of geneve, vxlan[\s\S]*ENCAP=sometimes|there is no such folder[\s\S]*TUNNEL=gre/,
    );
  });
});
