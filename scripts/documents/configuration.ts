import type { core } from "zod/mini";
import { safeParse } from "zod/mini";
import { schema as clusterSchema } from "#controller/cluster/config/schema.ts";
import { schema as nodeSchema } from "#controller/node/config/schema.ts";
import { descriptions } from "#controller/process/config/fields.ts";
import { shapeOf } from "#controller/process/config/issues.ts";

interface Setting {
  readonly path: string;
  readonly accepts: string;
  readonly fallback: string;
  readonly description: string;
}

/** docs/configuration.md, from the schemas: a test fails when the file differs. */
export function configurationReference(): string {
  const lines = [...PREAMBLE, ...tableOf(nodeSchema), ...CLUSTER, ...tableOf(clusterSchema)];
  return `${lines.join("\n")}\n`;
}

function tableOf(schema: core.$ZodType): readonly string[] {
  const rows = settingsOf(schema, "").map(
    ({ path, accepts, fallback, description }) => `| \`${path}\` | ${accepts} | ${fallback} | ${description} |`,
  );
  return ["| Key | Accepts | Default | Meaning |", "|---|---|---|---|", ...rows];
}

const PREAMBLE = [
  "# Configuration",
  "",
  "<!-- Generated from controller/{node,cluster}/config/schema.ts by `UPDATE=1 npx mocha test/config/reference.test.ts`. -->",
  "",
  "Each program reads one file of YAML when it starts: `weir-node --config FILE`, `weir-cluster --config FILE`. Every setting has a",
  "default, so an empty file is a whole configuration, and a key without a value counts as absent. All errors are reported at once,",
  "each with its line, its path, what is there and what would be right; an unknown key is an error. A change needs a restart of the",
  "process, which loses no packets.",
  "",
  "## weir-node",
  "",
  "```yaml",
  "source:",
  "  kubernetes: {}",
  "traffic:",
  "  encapsulation: hybrid",
  "  tunnel: vxlan",
  "log:",
  "  level: debug",
  "```",
  "",
];

const CLUSTER = [
  "",
  "## weir-cluster",
  "",
  "What is done once for the whole cluster, by the one instance that holds the Lease.",
  "",
];

function settingsOf(parent: core.$ZodType, prefix: string): Setting[] {
  return Object.entries(shapeOf(parent) ?? {}).flatMap(([key, member]) => {
    const path = `${prefix}${key}`;
    const meta = descriptions.get(member) ?? descriptions.get(innerOf(member));
    const below = settingsOf(member, `${path}.`);
    if (meta === undefined) return below;
    const example = meta.examples === undefined ? "" : ` Example: ${meta.examples.map(code).join(", ")}.`;
    const setting = { path, accepts: acceptedBy(member), fallback: fallbackOf(member), description: meta.description };
    return [{ ...setting, description: `${meta.description}${example}` }, ...below];
  });
}

function innerOf(member: core.$ZodType): core.$ZodType {
  const def: object = member._zod.def;
  return "innerType" in def ? (def as core.$ZodOptionalDef).innerType : member;
}

/** What the schema says when it refuses: that text is what it accepts. */
function acceptedBy(member: core.$ZodType): string {
  const text = safeParse(member, Symbol("refused")).error?.issues[0]?.message ?? "";
  return text.replaceAll("|", "\\|").replaceAll(/"([^"]*)"/g, "`$1`");
}

function fallbackOf(member: core.$ZodType): string {
  const def: object = member._zod.def;
  return "defaultValue" in def ? code(JSON.stringify(def.defaultValue).replaceAll('"', "")) : "";
}

function code(text: string): string {
  return `\`${text}\``;
}
