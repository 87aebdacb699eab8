import { readFile } from "node:fs/promises";
import { describeError } from "#base/errors.ts";
import type { ParsedConfig } from "#controller/node/config/schema.ts";
import { nodeNameSchema, schema } from "#controller/node/config/schema.ts";
import { problemsOf } from "#controller/process/config/issues.ts";
import type { ConfigProblem } from "#controller/process/config/problem.ts";
import { ConfigError } from "#controller/process/config/problem.ts";
import { readYaml } from "#controller/process/config/yaml.ts";

export type SourceConfig =
  | { readonly kubernetes: { readonly kubeconfig?: string | undefined } }
  | { readonly manifests: string };

/** A checked configuration: every default filled in. */
export type NodeConfig = Readonly<Omit<ParsedConfig, "nodeName" | "source">> & {
  readonly nodeName: string;
  readonly source: SourceConfig;
};

export interface Surroundings {
  /** The environment; NODE_NAME is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** Reads and checks a configuration file; without one, every setting has its default. Throws ConfigError. */
export async function loadConfig(file: string | undefined, surroundings: Surroundings): Promise<NodeConfig> {
  if (file === undefined) return parseConfig("", "defaults", surroundings);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(file, [{ path: "", found: describeError(error), expected: "a readable file of YAML" }]);
  }
  return parseConfig(text, file, surroundings);
}

/**
 * Checks a configuration's text. `origin` is its name in messages.
 *
 *     parseConfig("traffic: {tunnel: vxlan}", "weir.yaml", { env: process.env, hostname: hostname() })
 */
export function parseConfig(text: string, origin: string, surroundings: Surroundings): NodeConfig {
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) throw new ConfigError(origin, yaml.problems);
  const given = yaml.value ?? {};
  const parsed = schema.safeParse(given);
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues, schema, yaml);
  const named = typeof given === "object" && given !== null && "nodeName" in given;
  if (!named) problems.push(...checkSurroundings(surroundings));
  if (!parsed.success || problems.length > 0) throw new ConfigError(origin, problems);
  const nodeName = parsed.data.nodeName ?? surroundingName(surroundings);
  return { ...parsed.data, nodeName, source: chooseSource(parsed.data.source) };
}

function chooseSource(source: ParsedConfig["source"]): SourceConfig {
  if (source.manifests !== undefined) return { manifests: source.manifests };
  return { kubernetes: source.kubernetes ?? {} };
}

/** The name from outside the file. Kubelet lowers the host's name in the same way. */
function surroundingName({ env, hostname }: Surroundings): string {
  return env["NODE_NAME"] || hostname.toLowerCase();
}

function checkSurroundings(surroundings: Surroundings): ConfigProblem[] {
  const name = surroundingName(surroundings);
  const parsed = nodeNameSchema.safeParse(name);
  const from = surroundings.env["NODE_NAME"] ? "from $NODE_NAME" : "from the host's name";
  return (parsed.error?.issues ?? []).map((issue) => ({
    path: "nodeName",
    found: `${JSON.stringify(name)} (${from})`,
    expected: issue.message,
  }));
}
