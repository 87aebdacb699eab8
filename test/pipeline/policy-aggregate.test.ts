import assert from "node:assert/strict";
import fc from "fast-check";
import { createPolicyStatuses, type PolicyStatuses } from "#pipeline/policy-status/aggregate.ts";
import { conditionsOf } from "#pipeline/policy-status/conditions.ts";
import { type PolicyFacts, readPolicyFacts } from "#pipeline/policy-status/facts.ts";
import {
  createNodeReport,
  ENTRY_STATES,
  type NodePolicyReport,
  type PolicyEntry,
  readNodeReport,
} from "#pipeline/policy-status/node-report.ts";

const ID = "NetworkPolicy shop/db";
const FACTS: PolicyFacts = { kind: "NetworkPolicy", name: "shop/db", generation: 2, problems: [], isStaged: false };
const ENTRY: PolicyEntry = {
  ...{ kind: "NetworkPolicy", name: "shop/db", generation: 2, state: "realised", since: "2026-01-01T00:00:00.000Z" },
  ...{ packets: 1, denied: 2, neverHit: ["ingress[0]", "ingress[1]"], countedSince: "2026-01-01T00:00:00.000Z" },
};

function told(...entries: readonly (PolicyEntry | undefined)[]): PolicyStatuses {
  const statuses = createPolicyStatuses();
  statuses.setPolicy(ID, FACTS);
  entries.forEach((entry, i) => {
    statuses.setNode(`n${i + 1}`, true);
    statuses.setReport(`n${i + 1}`, { policies: entry === undefined ? [] : [entry], omitted: 0 });
  });
  return statuses;
}
const realized = (statuses: PolicyStatuses) => {
  const { status, reason, message } = conditionsOf(statuses.summaryOf(ID)!)[1]!;
  return `${status} ${reason}: ${message}`;
};

describe("A policy over all nodes", () => {
  it("is realised when all nodes with pods of it have its generation, since the last of them had", () => {
    const later = { ...ENTRY, since: "2026-01-02T00:00:00.000Z" };
    const statuses = told(ENTRY, later, undefined);
    assert.equal(realized(statuses), "True AllNodes: 2 of 2 nodes");
    assert.equal(statuses.summaryOf(ID)?.since, later.since);
  });

  it("is not while one has an older generation, or refuses it; and nobody knows while one is silent", () => {
    const older = { ...ENTRY, generation: 1 };
    const refused: PolicyEntry = { ...ENTRY, state: "failed", reason: "OFPBMC_BAD_PREREQ" };
    assert.equal(realized(told(ENTRY, older)), "False Pending: 1 of 2 nodes; not yet on n2");
    assert.equal(
      realized(told(refused, older, refused)),
      "False Refused: 0 of 3 nodes; refused on n1, n3: OFPBMC_BAD_PREREQ; not yet on n2",
    );
    const silent = told(ENTRY, older);
    assert.deepEqual([...silent.setSilent("n2", true)], [ID]);
    assert.equal(realized(silent), "Unknown NodesSilent: 1 of 2 nodes; not yet on n2; nothing heard for long from n2");
    assert.equal(realized(told()), "Unknown NoNodes: no node has told of a pod that it selects");
  });

  it("is said to be staged, and not in force, where it is", () => {
    const staged = told(ENTRY);
    staged.setPolicy(ID, { ...FACTS, isStaged: true });
    assert.equal(realized(staged), "True AllNodes: 1 of 1 node; staged: judged there, and not in force");
    const metadata = { name: "db", generation: 2, annotations: { "policy.weir.dev/enforcement": "staged" } };
    assert.equal(readPolicyFacts("NetworkPolicy", "shop/db", { metadata, spec: { podSelector: {} } }).isStaged, true);
  });

  it("adds up what nodes have counted; a rule was never hit when no node has seen it hit, since all of them count", () => {
    const other = { ...ENTRY, packets: 5, lastHit: "2026-01-03T00:00:00.000Z", neverHit: ["ingress[1]"] };
    const later = { ...other, countedSince: "2026-01-02T00:00:00.000Z" };
    const { packets, denied, lastHit, neverHit, countedSince } = told(ENTRY, later).summaryOf(ID)!;
    assert.deepEqual(
      { packets, denied, lastHit, neverHit, countedSince },
      {
        ...{ packets: 6, denied: 4, lastHit: other.lastHit, neverHit: ["ingress[1]"] },
        countedSince: later.countedSince,
      },
    );
    // One that has not counted yet may have seen them all hit.
    const { countedSince: _, ...uncounted } = ENTRY;
    assert.deepEqual(told(ENTRY, uncounted).summaryOf(ID)?.neverHit, []);
  });

  it("names few of many nodes, and says what is wrong with the object and what becomes of it", () => {
    const statuses = told(...Array.from({ length: 12 }, () => ({ ...ENTRY, generation: 1 })));
    assert.equal(realized(statuses), "False Pending: 0 of 12 nodes; not yet on n1, n10, n11, n12, n2 and 7 more");
    statuses.setPolicy(ID, { ...FACTS, problems: ["spec.priority is 2000"] });
    const [accepted] = conditionsOf(statuses.summaryOf(ID)!);
    assert.deepEqual(accepted, {
      ...{ type: "Accepted", status: "False", reason: "Malformed", observedGeneration: 2 },
      message: "spec.priority is 2000; what is wrong fails closed",
    });
  });
});

describe("What a node reports", () => {
  it("is read as it was written", () => {
    const report = createNodeReport([ENTRY, { ...ENTRY, kind: "ClusterNetworkPolicy", name: "guardrails" }]);
    assert.deepEqual(readNodeReport(JSON.parse(JSON.stringify(report))), report);
  });

  it("is read whatever stands there: what cannot be understood is not there", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const { policies, omitted } = readNodeReport({ policies: [value, ENTRY], omitted: value });
        assert.deepEqual(policies.at(-1), ENTRY);
        assert.ok(Number.isSafeInteger(omitted));
        readNodeReport(value);
      }),
    );
  });
});

type Step =
  | { readonly type: "policy"; readonly id: number; readonly generation: number | undefined }
  | { readonly type: "report"; readonly node: string; readonly entries: readonly PolicyEntry[] | undefined }
  | { readonly type: "node" | "silent"; readonly node: string; readonly is: boolean };

const node = fc.constantFrom("n1", "n2", "n3");
const policy = fc.nat(3);
const entry = fc.record({ policy, generation: fc.nat(2), state: fc.constantFrom(...ENTRY_STATES), packets: fc.nat(2) });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("policy"), id: policy, generation: fc.option(fc.nat(2), { nil: undefined }) }),
  fc.record({
    type: fc.constant("report"),
    node,
    entries: fc.option(
      fc
        .uniqueArray(entry, { maxLength: 4, selector: (one) => one.policy })
        .map((all) => all.map(({ policy: id, ...fields }) => ({ ...ENTRY, name: `shop/p${id}`, ...fields }))),
      { nil: undefined },
    ),
  }),
  fc.record({ type: fc.constantFrom("node", "silent"), node, is: fc.boolean() }),
);

function apply(statuses: PolicyStatuses, one: Step): Iterable<string> {
  switch (one.type) {
    case "policy": {
      const { id, generation } = one;
      const facts = generation === undefined ? undefined : { ...FACTS, name: `shop/p${id}`, generation };
      return statuses.setPolicy(`NetworkPolicy shop/p${id}`, facts);
    }
    case "report":
      return statuses.setReport(one.node, one.entries && { policies: one.entries, omitted: 0 });
    case "node":
      return statuses.setNode(one.node, one.is);
    case "silent":
      return statuses.setSilent(one.node, one.is);
  }
}

/** The last of each thing that was set. */
function lastOf(steps: readonly Step[]): readonly Step[] {
  return [...new Map(steps.map((one) => [`${one.type} ${"id" in one ? one.id : one.node}`, one])).values()];
}

describe("The sum over all nodes", () => {
  it("is the same after any history as from scratch, and whoever is not touched is as before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const statuses = createPolicyStatuses();
        const ids = [0, 1, 2, 3].map((id) => `NetworkPolicy shop/p${id}`);
        const all = (from: PolicyStatuses) => ids.map((id) => from.summaryOf(id));
        steps.forEach((one) => {
          const before = all(statuses);
          const touched = new Set(apply(statuses, one));
          all(statuses).forEach((after, i) => {
            if (!touched.has(ids[i]!)) assert.deepEqual(after, before[i]);
          });
        });
        const afresh = createPolicyStatuses();
        for (const one of lastOf(steps)) for (const _ of apply(afresh, one));
        assert.deepEqual(all(statuses), all(afresh));
      }),
      { numRuns: 500 },
    );
  });

  it("takes in a report without looking at what it does not change", () => {
    const report = (name: string): NodePolicyReport => ({ policies: [ENTRY, { ...ENTRY, name }], omitted: 0 });
    const statuses = createPolicyStatuses();
    statuses.setReport("n1", report("shop/a"));
    assert.deepEqual([...statuses.setReport("n1", report("shop/b"))].sort(), [
      "NetworkPolicy shop/a",
      "NetworkPolicy shop/b",
    ]);
  });
});
