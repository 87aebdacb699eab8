import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Access, AccessError } from "./access.ts";
import { inClusterAccess, SERVICE_ACCOUNT_DIRECTORY } from "./in-cluster.ts";
import { kubeconfigAccess } from "./kubeconfig.ts";

/**
 * The way to the API server: the kubeconfig named, or the pod's own service account, or $KUBECONFIG, or ~/.kube/config.
 */
export async function findAccess(
  kubeconfig: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Access> {
  if (kubeconfig !== undefined) return kubeconfigAccess(kubeconfig);
  const inCluster = inClusterAccess(env);
  if (inCluster !== undefined) return inCluster;
  const path = env["KUBECONFIG"]?.split(":").find((one) => one !== "") ?? join(homedir(), ".kube", "config");
  if (existsSync(path)) return kubeconfigAccess(path);
  throw new AccessError(
    "E_NO_CLUSTER",
    `no way to a Kubernetes API server: no service account in ${SERVICE_ACCOUNT_DIRECTORY} and no ${path}; ` +
      "give source.kubernetes.kubeconfig, or source.manifests for a folder",
  );
}
