import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { FEATURES } from "#pipeline/layout/sites.ts";
import { drawArcs } from "../../scripts/documents/arcs.ts";
import { pipelineDocument } from "../../scripts/documents/pipeline.ts";
import { compileScenario, readScenario } from "./scenario.ts";

const file = new URL("../../docs/pipeline.md", import.meta.url);

describe("docs/pipeline.md", () => {
  const read = (name: string) => ({
    compiled: compileScenario(readScenario(name)),
    file: `test/scenarios/${name}.yaml`,
  });
  const sample = read("policies");
  const annotated = [read("policy-extras"), read("services-direct")];

  it("says what the layout and the flows say (UPDATE=1 writes it)", () => {
    const text = pipelineDocument(sample, annotated);
    if (process.env["UPDATE"] === "1") writeFileSync(file, text);
    assert.equal(readFileSync(file, "utf8"), text);
  });

  it("shows a flow of every site", () => {
    const sites = Object.entries(FEATURES).flatMap(([feature, { sites }]) =>
      Object.keys(sites).map((site) => `${feature}/${site}`),
    );
    // A folder of manifests has no pod that is plugged and not known, no flow that a switch makes itself, and no setting.
    const others = ["policies/unknown", "services/remembered", "connections/keep"];
    const shown = new Set([
      ...[sample, ...annotated].flatMap(({ compiled }) => compiled.flows).map(({ site }) => String(site)),
      ...others,
    ]);
    assert.deepEqual([...shown].sort(), sites.sort());
  });

  it("draws an arc for each way between tables", () => {
    const drawing = drawArcs(
      ["a", "b", "c"],
      [
        [1, 2],
        [0, 2],
        [0, 1],
      ],
    );
    assert.deepEqual(drawing, ["a  ┬ ┬", "b  ▼ │ ┬", "c    ▼ ▼"]);
  });
});
