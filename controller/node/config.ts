import type { ParsedConfig } from "#controller/node/config/schema.ts";
import { nodeNameSchema, schema } from "#controller/node/config/schema.ts";
import type { ConfigProblem } from "#controller/process/config/problem.ts";
import { checkConfig, readConfigFile } from "#controller/process/config/read.ts";

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
  const { text, origin } = await readConfigFile(file);
  return parseConfig(text, origin, surroundings);
}

/**
 * Checks a configuration's text. `origin` is its name in messages.
 *
 *     parseConfig("traffic: {tunnel: vxlan}", "weir.yaml", { env: process.env, hostname: hostname() })
 */
export function parseConfig(text: string, origin: string, surroundings: Surroundings): NodeConfig {
  const isNamed = (given: unknown) => typeof given === "object" && given !== null && "nodeName" in given;
  const parsed = checkConfig(schema, text, origin, (given) => (isNamed(given) ? [] : checkSurroundings(surroundings)));
  const nodeName = parsed.nodeName ?? surroundingName(surroundings);
  return { ...parsed, nodeName, source: chooseSource(parsed.source) };
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
