import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { describeError } from "#base/errors.ts";
import { isRecord, readPath } from "../kinds.ts";
import { type Access, AccessError, type Credentials } from "./access.ts";

/** What only @kubernetes/client-node knows how to do; loading it costs 70 MB, so nobody else pays for it. */
const NEEDS_CLIENT_NODE: readonly (readonly ["cluster" | "user", string])[] = [
  ["user", "exec"],
  ["user", "auth-provider"],
  ["cluster", "proxy-url"],
];

interface Context {
  readonly cluster: Record<string, unknown>;
  readonly user: Record<string, unknown>;
}

/**
 * A kubeconfig file: the context named, or its current one. Plain credentials (token, certificates, password, or files with them) are read
 * here; exec plugins, identity providers and proxies are left to @kubernetes/client-node.
 */
export async function kubeconfigAccess(path: string, context?: string): Promise<Access> {
  const { cluster, user } = await readContext(path, context);
  const server = cluster["server"];
  if (typeof server !== "string" || !URL.canParse(server))
    throw complain(path, "cluster.server", "a URL such as https://10.0.0.1:6443");
  if (NEEDS_CLIENT_NODE.some(([part, field]) => ({ cluster, user })[part][field] !== undefined)) {
    const { clientNodeAccess } = await import("./client-node.ts");
    return clientNodeAccess(path, context);
  }
  return {
    server: server.replace(/\/+$/, ""),
    credentials: async () => readCredentials(path, await readContext(path, context)),
  };
}

async function readContext(path: string, named: string | undefined): Promise<Context> {
  let config: unknown;
  try {
    config = parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new AccessError(
      "E_KUBECONFIG",
      `${path}: ${describeError(error)}; a kubeconfig file is wanted`,
      { path },
      error,
    );
  }
  const name = named ?? readPath(config, ["current-context"]);
  const context = find(config, "contexts", name, "context");
  if (context === undefined)
    throw complain(
      path,
      named === undefined ? "current-context" : `context ${named}`,
      "the name of one of its contexts",
    );
  const cluster = find(config, "clusters", context["cluster"], "cluster");
  if (cluster === undefined) throw complain(path, "context.cluster", "the name of one of its clusters");
  return { cluster, user: find(config, "users", context["user"], "user") ?? {} };
}

function find(config: unknown, list: string, name: unknown, member: string): Record<string, unknown> | undefined {
  const entries = readPath(config, [list]);
  const entry: unknown = Array.isArray(entries) ? entries.find((one) => readPath(one, ["name"]) === name) : undefined;
  const value = readPath(entry, [member]);
  return isRecord(value) ? value : undefined;
}

async function readCredentials(path: string, { cluster, user }: Context): Promise<Credentials> {
  const [ca, cert, key] = await Promise.all([
    dataOf(path, cluster, "certificate-authority"),
    dataOf(path, user, "client-certificate"),
    dataOf(path, user, "client-key"),
  ]);
  const servername = cluster["tls-server-name"];
  const authorization = await authorizationOf(path, user);
  return {
    headers: authorization === undefined ? {} : { authorization },
    tls: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(typeof servername === "string" && { servername }),
      ...(cluster["insecure-skip-tls-verify"] === true && { rejectUnauthorized: false }),
    },
  };
}

async function authorizationOf(path: string, user: Record<string, unknown>): Promise<string | undefined> {
  const { token, tokenFile, username, password } = user;
  // The file wins, as in kubectl: it is what is rotated.
  if (typeof tokenFile === "string")
    return `Bearer ${(await readFile(resolve(dirname(path), tokenFile), "utf8")).trim()}`;
  if (typeof token === "string" && token !== "") return `Bearer ${token}`;
  if (typeof username !== "string" || typeof password !== "string") return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** "x-data" holds it as base64, "x" names a file, seen from the kubeconfig's folder. */
async function dataOf(path: string, holder: Record<string, unknown>, field: string): Promise<Buffer | undefined> {
  const data = holder[`${field}-data`];
  if (typeof data === "string" && data !== "") return Buffer.from(data, "base64");
  const file = holder[field];
  return typeof file === "string" && file !== "" ? readFile(resolve(dirname(path), file)) : undefined;
}

function complain(path: string, field: string, right: string): AccessError {
  return new AccessError("E_KUBECONFIG", `${path}: ${field} is not ${right}`, { path, field });
}
