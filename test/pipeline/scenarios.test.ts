import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileScenario, describeCompiled, readScenario, SCENARIOS } from "./scenario.ts";

/**
 * Scenario files: Kubernetes objects in, flows (as ovs-ofctl prints them, with table names), host state and problems out.
 * UPDATE=1 writes the expectations anew; the difference is for a reviewer to read.
 */
const names = readdirSync(SCENARIOS)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.replace(/\.yaml$/, ""));

describe("scenarios", () => {
  for (const name of names) {
    it(`${name} compiles to the flows, host state and problems beside it`, () => {
      const scenario = readScenario(name);
      const actual = describeCompiled(compileScenario(scenario), scenario.base ?? false);
      const file = join(SCENARIOS, `${name}.expected`);
      if (process.env["UPDATE"] === "1") writeFileSync(file, actual);
      assert.ok(existsSync(file), `no ${file}: run with UPDATE=1 and review it`);
      assert.equal(actual, readFileSync(file, "utf8"));
    });
  }

  it("mean the same in whatever order the objects come", () => {
    for (const name of names) {
      const scenario = readScenario(name);
      const turned = { ...scenario, objects: scenario.objects.toReversed() };
      const sorted = (text: string) => text.split("\n").sort();
      assert.deepEqual(
        sorted(describeCompiled(compileScenario(turned), true)),
        sorted(describeCompiled(compileScenario(scenario), true)),
        name,
      );
    }
  });

  it("have no expectation without a scenario", () => {
    const expected = readdirSync(SCENARIOS).filter((file) => file.endsWith(".expected"));
    assert.deepEqual(expected.map((file) => file.replace(/\.expected$/, "")).sort(), [...names].sort());
  });
});
