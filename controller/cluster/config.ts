import { checkConfig, readConfigFile } from "#controller/process/config/read.ts";
import { type ParsedConfig, schema } from "./config/schema.ts";

/** A checked configuration: every default filled in. */
export type ClusterConfig = Omit<ParsedConfig, "lease"> & {
  readonly lease: Required<ParsedConfig["lease"]>;
  /** Which of the instances this is: the pod's name, or the host's. */
  readonly instance: string;
};

export interface Surroundings {
  /** The environment; POD_NAME and POD_NAMESPACE are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** Reads and checks a configuration file; without one, every setting has its default. Throws ConfigError. */
export async function loadConfig(file: string | undefined, surroundings: Surroundings): Promise<ClusterConfig> {
  const { text, origin } = await readConfigFile(file);
  return parseConfig(text, origin, surroundings);
}

/** Checks a configuration's text. `origin` is its name in messages. */
export function parseConfig(text: string, origin: string, { env, hostname }: Surroundings): ClusterConfig {
  const parsed = checkConfig(schema, text, origin);
  const namespace = parsed.lease.namespace ?? (env["POD_NAMESPACE"] || "kube-system");
  return { ...parsed, lease: { ...parsed.lease, namespace }, instance: env["POD_NAME"] || hostname };
}
