import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Access } from "./access.ts";

export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The pod's own service account; undefined outside a pod. Its token lives an hour and is replaced on disk before that. */
export function inClusterAccess(
  env: NodeJS.ProcessEnv,
  directory: string = SERVICE_ACCOUNT_DIRECTORY,
): Access | undefined {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  const tokenFile = join(directory, "token");
  if (host === undefined || host === "" || !existsSync(tokenFile)) return undefined;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    async credentials() {
      const [token, ca] = await Promise.all([readFile(tokenFile, "utf8"), readFile(join(directory, "ca.crt"))]);
      return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
  };
}
