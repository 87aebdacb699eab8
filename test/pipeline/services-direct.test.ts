import assert from "node:assert/strict";
import { formatIp, type Ip } from "#base/address.ts";
import type { Group } from "#openflow/flow.ts";
import type { Compiled } from "#pipeline/compile.ts";
import type { Site } from "#pipeline/layout/sites.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { compileScenario, readScenario } from "./scenario.ts";

const SCENARIO = readScenario("services-direct");

describe("services whose endpoints answer directly", () => {
  const here = compileScenario(SCENARIO);
  const there = compileScenario({ ...SCENARIO, node: "n2" });

  it("are chosen for alike at both nodes: by the same numbers and sums", () => {
    const chosen = groupsOf(here, "services/balance", "ServiceLearn").map(describeGroup);
    const passed = groupsOf(there, "services/passed").map(describeGroup);
    assert.equal(chosen.length, 3);
    for (const { fields, endpoints, far } of chosen) {
      const same = passed.find((one) => one.fields === fields);
      // What is not translated here is translated there, and nothing else is.
      assert.deepEqual(
        same?.endpoints.filter(([, weight]) => weight > 0).map(([id]) => id),
        far,
      );
      assert.equal(new Set([...endpoints.map(([id]) => id), ...far]).size, endpoints.length + far.length);
    }
    const addresses = passed.flatMap(({ endpoints }) => endpoints.map(([, , to]) => to));
    assert.deepEqual(addresses.sort(), ["10.10.2.6", "10.10.2.7", "10.10.2.9", "fd10:10:2::9"]);
  });

  it("lead those whom another node has passed on to no third node", () => {
    const own = groupsOf(here, "services/passed").flatMap((group) => describeGroup(group).endpoints);
    assert.deepEqual(own.map(([, , to]) => to).sort(), ["10.10.1.5", "10.10.1.6"]);
  });

  for (const encapsulation of ["never", "hybrid"] as const)
    it(`are served as others are with encapsulation ${encapsulation}, which is told`, () => {
      const compiled = compileScenario({ ...SCENARIO, encapsulation });
      assert.ok(!compiled.flows.some(({ site }) => site === "services/direct" || site === "services/passed"));
      const told = compiled.problems.filter(({ message }) => message.includes("encapsulation"));
      assert.deepEqual(
        told.map(({ object, field }) => `${object} ${field}`).sort(),
        ["web", "dns"]
          .map((name) => `Service default/${name} metadata.annotations[weir.dev/load-balancer-mode]`)
          .sort(),
      );
    });
});

/** Those that flows of a site name, in one table or in any. */
function groupsOf({ flows, groups }: Compiled, site: Site, table?: "ServiceLearn"): readonly Group[] {
  const ids = flows
    .filter((one) => one.site === site && (table === undefined || one.flow.table === TABLES[table].id))
    .flatMap(({ flow }) => flow.actions.flatMap((action) => (action.type === "group" ? [action.groupId] : [])));
  return groups.map(({ group }) => group).filter(({ groupId }) => ids.includes(groupId));
}

/** By its buckets: those that translate, with number, weight and address, and the numbers of the others. */
function describeGroup({ buckets, selection }: Group) {
  const endpoints: (readonly [id: number, weight: number, to: string])[] = [];
  const far: number[] = [];
  for (const { id = 0, weight = 0, actions } of buckets) {
    const nat = actions.find((action) => action.type === "ct")?.nat;
    if (typeof nat === "object") endpoints.push([id, weight, formatIp(nat.minAddress as Ip)]);
    else far.push(id);
  }
  return {
    fields: JSON.stringify(selection, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
    endpoints,
    far,
  };
}
