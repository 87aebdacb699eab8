import { type Command, Option } from "commander";
import { usageError } from "./errors.ts";

export interface ClusterOptions {
  readonly cluster?: true;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A cluster's API server, instead of manifests. */
export interface ClusterSource {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** `--cluster`, and `--kubeconfig FILE` and `--context NAME`, which mean the same cluster as it does to kubectl. */
export function withClusterOptions(command: Command, what: string): Command {
  return command
    .addOption(new Option("--cluster", `${what}, as you may see it: by $KUBECONFIG, ~/.kube/config, or in a pod`))
    .addOption(new Option("--kubeconfig <file>", "the same, by this file"))
    .addOption(new Option("--context <name>", "the same, by this context of the kubeconfig"));
}

export function clusterSource({ cluster, kubeconfig, context }: ClusterOptions): ClusterSource | undefined {
  const isMeant = cluster === true || kubeconfig !== undefined || context !== undefined;
  return isMeant ? { kubeconfig, context } : undefined;
}

/** A folder that is named, or the cluster, or else the folder where one is. */
export function chooseSource(folder: string | undefined, options: ClusterOptions): string | ClusterSource {
  const cluster = clusterSource(options);
  if (cluster !== undefined && folder !== undefined) throw usageError("a folder or --cluster, not both");
  return cluster ?? folder ?? ".";
}
