import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Kube } from "../rig/kube.ts";
import { findFreePorts, startProcess } from "../rig/kube-process.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";

const ROOT = join(import.meta.dirname, "../..");
export const CLUSTER_PROGRAM = join(ROOT, "controller/cluster/main.ts");

/** deploy/weir.yaml, object by object. */
export const DEPLOYED: readonly KubeObject[] = parseAllDocuments(
  readFileSync(join(ROOT, "deploy/weir.yaml"), "utf8"),
).map((document) => document.toJS());

/** The definitions of our own kinds, as they are deployed. */
export const DEFINITIONS = DEPLOYED.filter(({ kind }) => kind === "CustomResourceDefinition");

export interface WeirCluster {
  readonly name: string;
  /** "ok", or what is not; undefined when nobody answers. */
  readyz(): Promise<string | undefined>;
  leads(): Promise<boolean>;
  log(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Runs weir-cluster beside a private API server; whoever sweeps that one's leftovers ends this too. */
export async function startWeirCluster(
  kube: Kube,
  name: string,
  { kubeconfig = kube.kubeconfig, program = CLUSTER_PROGRAM } = {},
): Promise<WeirCluster> {
  const [port = 0] = await findFreePorts(1);
  const address = `127.0.0.1:${port}`;
  const file = join(kube.directory, `${name}.yaml`);
  await writeFile(
    file,
    stringify({ source: { kubernetes: { kubeconfig } }, http: { address }, log: { level: "debug" } }),
  );
  const running = startProcess(kube.directory, name, process.execPath, [program, "--config", file]);
  const read = async (path: string): Promise<string | undefined> =>
    fetch(`http://${address}/${path}`).then(
      (response) => response.text(),
      () => undefined,
    );
  return {
    name,
    readyz: () => read("readyz"),
    leads: async () => /^weir_cluster_leader 1$/m.test((await read("metrics")) ?? ""),
    log: () => readFileSync(join(kube.directory, `${name}.log`), "utf8"),
    stop: (signal = "SIGTERM") => running.end(signal),
  };
}
