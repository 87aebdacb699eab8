import assert from "node:assert/strict";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { Policy } from "#pipeline/model/policy.ts";

const KINDS = { NetworkPolicy: "shop/p", ClusterNetworkPolicy: "guard" } as const;
const SPECS = {
  NetworkPolicy: { podSelector: {} },
  ClusterNetworkPolicy: { tier: "Admin", priority: 1, subject: { namespaces: {} } },
} as const;

function read(kind: keyof typeof KINDS, annotations: unknown, spec: unknown = SPECS[kind]) {
  const object = { metadata: { uid: "u", annotations }, spec };
  const { value, problems } = ingest("test", { kind, key: KINDS[kind], object });
  return {
    extras: (value as Policy).extras,
    problems: problems.map(({ object: named, field, message }) => `${named}: ${field} ${message}`),
  };
}

for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[])
  describe(`the annotations of a ${kind}, read`, () => {
    it("are nothing where none is ours", () => {
      for (const annotations of [undefined, {}, { "other.example/deny": "reject" }])
        assert.deepEqual(read(kind, annotations), { extras: undefined, problems: [] });
    });

    it("say whether what it denies is dropped or refused", () => {
      const deny = (value: string) => read(kind, { "policy.weir.dev/deny": value });
      assert.equal(deny("drop").extras?.refuses, false);
      assert.deepEqual([deny("reject").extras?.refuses, deny("reject").problems], [true, []]);
    });

    it("say which decisions are logged: those of rules by their places, and what is denied for want of one", () => {
      const log = (value: string) => {
        const spec = { ...SPECS[kind], ingress: [{}, {}], egress: [{}] };
        return read(kind, { "policy.weir.dev/log": value }, spec).extras?.log;
      };
      assert.deepEqual(log("all"), { rules: "all", denied: true });
      assert.deepEqual(log("ingress[1]"), { rules: ["ingress[1]"], denied: false });
      assert.deepEqual(log(" egress[0] ,ingress[0]"), { rules: ["egress[0]", "ingress[0]"], denied: false });
      for (const wrong of ["", "none", "ingress[2]", "ingress[-1]", "ingress", "all, ingress[0]", "ingress[0],"])
        assert.equal(log(wrong), undefined, wrong);
      const denied = kind === "NetworkPolicy" ? { rules: [], denied: true } : undefined;
      assert.deepEqual(log("denied"), denied);
    });

    it("say how many new connections a second pass; where nobody can read it, one does", () => {
      const rate = (value: string) => read(kind, { "policy.weir.dev/new-connections-per-second": value });
      assert.deepEqual([rate("1").extras?.rate, rate("250").extras?.rate], [1, 250]);
      assert.equal(read(kind, { "policy.weir.dev/deny": "drop" }).extras?.rate, undefined);
      for (const wrong of ["", "0", "-1", "1.5", "10/s", "1000001", "0x10"]) {
        assert.equal(rate(wrong).extras?.rate, 1, wrong);
        assert.equal(rate(wrong).problems.length, 1, wrong);
      }
    });

    it("say whether it is in force, and it is unless it says clearly that it is not", () => {
      const enforcement = (value: string) => read(kind, { "policy.weir.dev/enforcement": value }).extras?.enforcement;
      for (const value of ["enforced", "staged", "staged-deletion"]) assert.equal(enforcement(value), value);
      for (const wrong of ["", "Staged", "audit", "none"]) assert.equal(enforcement(wrong), "enforced", wrong);
    });

    it("are problems where they say what nobody understands, and then the policy is as it would be without", () => {
      const field = (name: string) => `${kind} ${KINDS[kind]}: metadata.annotations[policy.weir.dev/${name}]`;
      const { extras, problems } = read(kind, { "policy.weir.dev/deny": "Reject", "policy.weir.dev/other": "1" });
      assert.equal(extras?.refuses, false);
      assert.deepEqual(problems.map((text) => text.replace(/; nothing but .*/, "")).sort(), [
        `${field("deny")} is "Reject"; drop or reject is expected`,
        `${field("other")} is unknown`,
      ]);
    });
  });
