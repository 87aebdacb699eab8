import type { RequestOptions } from "node:https";
// The narrowest module there is; the package's index costs twice as much memory again.
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { type Access, AccessError } from "./access.ts";

/** A kubeconfig whose credentials come from an exec plugin, an identity provider or through a proxy. */
export function clientNodeAccess(path: string, context?: string): Access {
  const config = new KubeConfig();
  config.loadFromFile(path);
  if (context !== undefined) config.setCurrentContext(context);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined)
    throw new AccessError("E_KUBECONFIG", `${path}: the current context names no cluster`, { path });
  return {
    server: server.replace(/\/+$/, ""),
    async credentials() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, servername, rejectUnauthorized, agent, headers } = options;
      const texts: Record<string, string> = {};
      if (headers !== undefined && !Array.isArray(headers))
        for (const [name, value] of Object.entries(headers)) if (value !== undefined) texts[name] = String(value);
      const isPlain = (value: unknown) => typeof value === "string" || Buffer.isBuffer(value);
      return {
        headers: texts,
        tls: {
          ...(isPlain(ca) && { ca }),
          ...(isPlain(cert) && { cert }),
          ...(isPlain(key) && { key }),
          ...(servername !== undefined && { servername }),
          ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
        },
        ...(typeof agent === "object" && { agent }),
      };
    },
  };
}
