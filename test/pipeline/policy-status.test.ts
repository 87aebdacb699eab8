import assert from "node:assert/strict";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import { createHitBook } from "#pipeline/policy-status/hits.ts";
import { createRealisation } from "#pipeline/policy-status/realisation.ts";
import { type PolicyReport, type ReportSources, reportPolicies } from "#pipeline/policy-status/report.ts";
import type { RawChange } from "#pipeline/source.ts";
import { ground } from "./policy-clusters.ts";
import { batch, SETTINGS } from "./samples.ts";

const NOW = Date.parse("2026-01-02T03:04:00Z");

function pod(key: string, app: string): RawChange {
  const object = { metadata: { labels: { app } }, spec: { nodeName: "n1" }, status: {} };
  return { kind: "Pod", key, object };
}

function policy(key: string, spec: unknown, generation = 1): RawChange {
  return { kind: "NetworkPolicy", key, object: { metadata: { uid: "p", generation }, spec } };
}

const webOnly = policy("b/web-only", {
  podSelector: { matchLabels: { app: "web" } },
  ingress: [
    { from: [{ podSelector: { matchLabels: { app: "db" } } }], ports: [{ port: 80 }, { port: "http" }] },
    { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }] },
  ],
});
const dbOpen = policy("b/db-open", { podSelector: { matchLabels: { app: "db" } }, ingress: [{}], egress: [{}] });
const elsewhere = policy("c/far", { podSelector: {} });

function start(...changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), pod("b/web", "web"), pod("b/db", "db"), ...changes));
  return pipeline;
}

function report(pipeline: Pipeline, changes: Partial<ReportSources> = {}, only?: ReadonlySet<string>): PolicyReport[] {
  const { view, engine } = pipeline;
  const sources: ReportSources = {
    ...{ view, engine, hits: createHitBook(), problems: pipeline.problems() },
    statusOf: () => ({ state: "installed" }),
    realisedAt: () => NOW,
    droppedBy: () => 0,
    ...changes,
  };
  return [...reportPolicies(sources, only)];
}

function keysAt(pipeline: Pipeline, site: string, part?: string): string[] {
  return [...pipeline.desired.flows].flatMap(([key, flow]) =>
    flow.site === site && flow.owners.some((owner) => part === undefined || owner.part === part) ? [key] : [],
  );
}

describe("the report on policies", () => {
  it("names those that select a pod here, what they say, and since when it is so", () => {
    const all = report(start(webOnly, dbOpen, elsewhere));
    assert.deepEqual(
      all.map(({ name, pods, directions }) => [name, pods, directions]),
      [
        ["b/web-only", ["b/web"], ["ingress"]],
        ["b/db-open", ["b/db"], ["ingress", "egress"]],
      ],
    );
    const [web, db] = all;
    assert.deepEqual([web?.state, web?.since, web?.generation], ["realised", "2026-01-02T03:04:00.000Z", 1]);
    assert.deepEqual(
      web?.rules.map(({ rule }) => rule),
      ["from pods app=db of namespace b, at 80/TCP or http/TCP", "from 10.0.0.0/8 without 10.1.0.0/16, at every port"],
    );
    assert.deepEqual(
      db?.rules.map(({ rule }) => rule),
      ["from everybody, at every port", "to everybody, at every port"],
    );
    assert.deepEqual(
      report(start(webOnly, dbOpen), {}, new Set(["b/db-open"])).map(({ name }) => name),
      ["b/db-open"],
    );
  });

  it("counts a rule's packets, those of a rule without conditions too, and what its pods were denied", () => {
    const pipeline = start(webOnly, dbOpen);
    const hits = createHitBook();
    const readings = [
      ...keysAt(pipeline, "policies/rule", "ingress rule 0").map((key) => ({ key, packets: 7, age: 60, idle: 20 })),
      ...keysAt(pipeline, "policies/rule", "ingress rule 1").map((key) => ({ key, packets: 0, age: 90, idle: 90 })),
      ...keysAt(pipeline, "policies/open", "ingress rule 0").map((key) => ({ key, packets: 3, age: 60, idle: 5 })),
      ...keysAt(pipeline, "policies/isolation").map((key) => ({ key, packets: 2, age: 60, idle: 1 })),
    ];
    hits.observe(
      readings.map((one) => ({ ...one, bytes: one.packets * 10 })),
      NOW,
    );
    const [web, db] = report(pipeline, { hits });
    const at = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
    assert.deepEqual(
      web?.rules.map(({ packets, bytes, lastHit, since }) => [packets, bytes, lastHit, since]),
      [
        [7, 70, at(20), at(60)],
        [0, 0, undefined, at(90)],
      ],
    );
    assert.deepEqual([web?.packets, web?.bytes, web?.lastHit], [7, 70, at(20)]);
    assert.deepEqual([web?.denied, web?.lastDenied], [2, at(1)]);
    assert.deepEqual(
      db?.rules.map(({ packets, since }) => [packets, since]),
      [
        [3, at(60)],
        [0, undefined],
      ],
    );
    assert.equal(db?.denied, 4, "both directions");
  });

  it("has the policies of the cluster beside, whose rules deny and pass too", () => {
    const spec = {
      ...{ tier: "Admin", priority: 5, subject: { namespaces: {} } },
      ingress: [{ action: "Deny", from: [{ namespaces: { matchLabels: { "kubernetes.io/metadata.name": "a" } } }] }],
    };
    const pipeline = start(dbOpen, {
      kind: "ClusterNetworkPolicy",
      key: "closed",
      object: { metadata: { uid: "c" }, spec },
    });
    const hits = createHitBook();
    const keys = keysAt(pipeline, "policies/rule", "ingress rule 0");
    hits.observe(
      keys.map((key) => ({ key, packets: 4, bytes: 40, age: 9, idle: 1 })),
      NOW,
    );
    const closed = report(pipeline, { hits }).find(({ kind }) => kind === "ClusterNetworkPolicy");
    assert.deepEqual([closed?.name, closed?.directions, closed?.state], ["closed", ["ingress"], "realised"]);
    assert.deepEqual([closed?.rules[0]?.verdict, closed?.rules[0]?.packets, closed?.denied], ["deny", 4, 4]);
  });

  it("is pending while a flow of it is, and failed when the switch refused one: whichever of its flows that is", () => {
    const pipeline = start(webOnly, dbOpen);
    const own = [...pipeline.desired.flows].filter(
      ([, { site, owners }]) => site.startsWith("policies/") && owners.some(({ name }) => name === "b/web-only"),
    );
    assert.ok(own.length > 5);
    for (const [broken] of own)
      for (const state of ["pending", "failed"] as const) {
        const statusOf: ReportSources["statusOf"] = (key) =>
          key === broken ? { state, ...(state === "failed" && { why: "full" }) } : { state: "installed" };
        const [web, db] = report(pipeline, { statusOf });
        assert.deepEqual(
          [web?.state, web?.reason, db?.state],
          [state, state === "failed" ? "full" : undefined, "realised"],
        );
      }
  });

  it("has the policy's problems, and not those of others", () => {
    const wrong = policy("b/web-only", { podSelector: {}, ingress: [{ ports: [{ port: 0 }] }] });
    const [web, db] = report(start(wrong, dbOpen));
    assert.match(web?.problems.join() ?? "", /^spec\.ingress\[0\]\.ports\[0\]\.port/);
    assert.deepEqual(db?.problems, []);
  });
});

describe("the realisation of policies", () => {
  const all = () => true;

  it("is the time at which the switch has taken what was noted before it was given", () => {
    const generations = new Map([["b/p", 1]]);
    const realisation = createRealisation((key) => generations.get(key));
    realisation.note(["b/p"]);
    assert.equal(realisation.realisedAt("b/p", 1), undefined);
    realisation.settle(realisation.begin(), 10, all);
    assert.equal(realisation.realisedAt("b/p", 1), 10);
    realisation.settle(realisation.begin(), 20, all);
    assert.equal(realisation.realisedAt("b/p", 1), 10);
    generations.set("b/p", 2);
    assert.equal(realisation.realisedAt("b/p", 2), undefined);
  });

  it("waits for the next application when the policy changes during one, or is refused in part", () => {
    const generations = new Map([["b/p", 1]]);
    const realisation = createRealisation((key) => generations.get(key));
    realisation.note(["b/p"]);
    const given = realisation.begin();
    generations.set("b/p", 2);
    realisation.note(["b/p"]);
    realisation.settle(given, 10, all);
    assert.equal(realisation.realisedAt("b/p", 2), undefined);
    realisation.settle(realisation.begin(), 20, () => false);
    assert.equal(realisation.realisedAt("b/p", 2), undefined);
    realisation.settle(realisation.begin(), 30, all);
    assert.equal(realisation.realisedAt("b/p", 2), 30);
  });

  it("is forgotten with the policy, and begins anew with one of the same name", () => {
    const generations = new Map([["b/p", 1]]);
    const realisation = createRealisation((key) => generations.get(key));
    realisation.note(["b/p"]);
    realisation.settle(realisation.begin(), 10, all);
    generations.delete("b/p");
    realisation.note(["b/p"]);
    generations.set("b/p", 1);
    realisation.note(["b/p"]);
    assert.equal(realisation.realisedAt("b/p", 1), undefined);
    realisation.settle(realisation.begin(), 20, all);
    assert.equal(realisation.realisedAt("b/p", 1), 20);
  });
});
