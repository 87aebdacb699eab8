import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export interface DemoOptions {
  /** What its namespaces and its folder in /run begin with. */
  readonly name: string;
  readonly directory: string;
  readonly once: boolean;
  readonly api: boolean;
  readonly tunnel: string;
  readonly encapsulation: string;
}

const TUNNELS = ["geneve", "vxlan"];
const ENCAPSULATIONS = ["always", "never", "hybrid"];

/** ONCE=1, API=1, DIR=folder, TUNNEL=geneve|vxlan, ENCAP=always|never|hybrid, from make's command line or the environment. */
export function readOptions(env: NodeJS.ProcessEnv): DemoOptions {
  const faults: string[] = [];
  const pick = (name: string, values: readonly string[]): string => {
    const value = env[name] || values[0]!;
    if (!values.includes(value)) faults.push(`${name}=${value}: one of ${values.join(", ")}`);
    return value;
  };
  const directory = resolve(env["DIR"] || join(import.meta.dirname, "..", "examples"));
  if (!existsSync(directory)) faults.push(`DIR=${directory}: there is no such folder`);
  if (process.getuid?.() !== 0) faults.push("run as root: the demonstration makes network namespaces");
  const options = {
    name: env["NAME"] || "weir-demo",
    directory,
    once: isOn(env["ONCE"]),
    api: isOn(env["API"]),
    tunnel: pick("TUNNEL", TUNNELS),
    encapsulation: pick("ENCAP", ENCAPSULATIONS),
  };
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return options;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "no", "false"].includes(value);
}
