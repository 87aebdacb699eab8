import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export const run = promisify(execFile);

const HERE = import.meta.dirname;
const CHECKOUT = join(HERE, "..", "..");

/** WEIR_KUBE_CACHE, or .cache/kube in the checkout. */
export const CACHE = process.env["WEIR_KUBE_CACHE"] ?? join(CHECKOUT, ".cache", "kube");

export interface KubeBinaries {
  readonly etcd: string;
  readonly apiServer: string;
}

/** Where each program was found; undefined: nowhere. Looked for in KUBEBUILDER_ASSETS, on PATH, in the cache. */
export async function findKubeBinaries(): Promise<{ readonly [K in keyof KubeBinaries]: string | undefined }> {
  const cache = await cacheFolder();
  return {
    etcd: await findProgram("etcd", join(CACHE, "etcd", "usr", "bin")),
    apiServer: await findProgram("kube-apiserver", cache),
  };
}

/** As tests need them: an error in one line with the command that gets what is missing. */
export async function requireKubeBinaries(): Promise<KubeBinaries> {
  const { etcd, apiServer } = await findKubeBinaries();
  if (etcd !== undefined && apiServer !== undefined) return { etcd, apiServer };
  const missing = [etcd ?? "etcd", apiServer ?? "kube-apiserver"].filter((name) => !name.includes("/"));
  throw new Error(
    `${missing.join(" and ")} not found: run \`npx node test/rig/kube-install.ts\`, or set KUBEBUILDER_ASSETS`,
  );
}

/** The version that go.mod pins: "v1.36.3". */
export async function pinnedVersion(): Promise<string> {
  const version = /^(?:require )?\s*k8s\.io\/kubernetes (v\S+)/m.exec(
    await readFile(join(HERE, "go.mod"), "utf8"),
  )?.[1];
  if (version === undefined) throw new Error("test/rig/go.mod does not require k8s.io/kubernetes");
  return version;
}

export async function cacheFolder(): Promise<string> {
  return join(CACHE, `${await pinnedVersion()}-${process.platform}-${process.arch}`);
}

export async function findProgram(name: string, ...further: readonly string[]): Promise<string | undefined> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const folders = [assets ?? "", ...(process.env["PATH"] ?? "").split(delimiter), ...further];
  for (const folder of folders) {
    if (folder === "") continue;
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
