import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { formatFlow } from "#openflow/text/flow.ts";
import { compile } from "#pipeline/compile.ts";
import { TABLE_NAMES } from "#pipeline/layout/tables.ts";
import { formatOwner } from "#pipeline/owner.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { Kind, RawChange } from "#pipeline/source.ts";

/**
 * Scenario files: Kubernetes objects in, flows (as ovs-ofctl prints them, with table names), host state and problems out.
 * UPDATE=1 writes the expectations anew; the difference is for a reviewer to read.
 */
const folder = join(import.meta.dirname, "../scenarios");

interface Scenario {
  readonly node: string;
  readonly encapsulation: Settings["encapsulation"];
  readonly underlay?: unknown;
  readonly objects: readonly { kind: Kind; metadata: { name: string; namespace?: string } }[];
}

function run(scenario: Scenario): string {
  const changes: RawChange[] = scenario.objects.map((object) => ({
    kind: object.kind,
    key:
      object.metadata.namespace === undefined
        ? object.metadata.name
        : `${object.metadata.namespace}/${object.metadata.name}`,
    object,
  }));
  if (scenario.underlay !== undefined) changes.push({ kind: "Underlay", key: "underlay", object: scenario.underlay });
  const compiled = compile({ nodeName: scenario.node, encapsulation: scenario.encapsulation }, changes);
  const flows = compiled.flows.map(
    ({ flow, site, owners }) =>
      `${formatFlow(flow, { tableNames: TABLE_NAMES })}\n    # ${site}: ${owners.map(formatOwner).join("; ")}`,
  );
  const host = JSON.stringify({ ...compiled.host, routes: [...compiled.host.routes.values()] }, undefined, 2);
  const problems = compiled.problems.map((problem) => `${problem.object} ${problem.field}: ${problem.message}`);
  return [
    "## assumptions",
    ...compiled.assumptions,
    "## flows",
    ...flows,
    "## host",
    host,
    "## problems",
    ...problems,
    "",
  ].join("\n");
}

describe("scenarios", () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".yaml"))) {
    it(`${file} compiles to the flows, host state and problems beside it`, () => {
      const actual = run(parse(readFileSync(join(folder, file), "utf8")));
      const expectedFile = join(folder, file.replace(/\.yaml$/, ".expected"));
      if (process.env["UPDATE"] === "1") writeFileSync(expectedFile, actual);
      assert.ok(existsSync(expectedFile), `no ${expectedFile}: run with UPDATE=1 and review it`);
      assert.equal(actual, readFileSync(expectedFile, "utf8"));
    });
  }
});
