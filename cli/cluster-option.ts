import { type Command, Option } from "commander";
import { usageError } from "./errors.ts";

export interface ClusterOptions {
  readonly cluster?: true;
  readonly kubeconfig?: string;
}

/** A cluster's API server, instead of manifests. */
export interface ClusterSource {
  readonly kubeconfig: string | undefined;
}

/** `--cluster` and `--kubeconfig FILE`, which means the same cluster as it does to kubectl. */
export function withClusterOptions(command: Command, what: string): Command {
  return command
    .addOption(new Option("--cluster", `${what}, as you may see it: by $KUBECONFIG, ~/.kube/config, or in a pod`))
    .addOption(new Option("--kubeconfig <file>", "the same, by this file"));
}

export function clusterSource({ cluster, kubeconfig }: ClusterOptions): ClusterSource | undefined {
  return cluster || kubeconfig !== undefined ? { kubeconfig } : undefined;
}

/** A folder that is named, or the cluster, or else the folder where one is. */
export function chooseSource(folder: string | undefined, options: ClusterOptions): string | ClusterSource {
  const cluster = clusterSource(options);
  if (cluster !== undefined && folder !== undefined) throw usageError("a folder or --cluster, not both");
  return cluster ?? folder ?? ".";
}
