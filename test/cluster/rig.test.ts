import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Kube } from "../rig/kube.ts";
import { findKubeBinaries, requireKubeBinaries } from "../rig/kube-binaries.ts";
import { sweepLeftovers } from "../rig/kube-process.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const node = (name: string) => ({ apiVersion: "v1", kind: "Node", metadata: { name } });

/** The processes of a rig: each has its folder in its command line. */
function processesOf(directory: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(directory);
    } catch {
      return false;
    }
  });
}

describe("the rig's API server", () => {
  let kube: Kube;
  before(async function () {
    kube = await startKubeOrSkip(this);
  });
  after(() => kube?.stop());

  it("keeps its objects through a kill and a restart", async function () {
    this.timeout(60_000);
    await kube.apply([node("kept")]);
    await kube.kill();
    await assert.rejects(kube.request("GET", "/api/v1/nodes/kept"), /ECONNREFUSED/);
    await kube.restart();
    assert.equal((await kube.request("GET", "/api/v1/nodes/kept")).status, 200);
  });

  it("forgets versions from before a compaction and a restart", async function () {
    this.timeout(60_000);
    const { body } = await kube.request("GET", "/api/v1/nodes?limit=1");
    const version = /"resourceVersion":"(\d+)"/.exec(JSON.stringify(body))?.[1];
    await kube.apply([node("newer")]);
    await kube.compact();
    await kube.restart();
    const answer = await kube.request("GET", `/api/v1/nodes?watch=true&resourceVersion=${version}&timeoutSeconds=1`);
    assert.match(JSON.stringify(answer.body), /"reason":"Expired".*"code":410/);
  });

  it("knows service accounts by their tokens, and lets RBAC decide", async () => {
    const token = await kube.mintToken("default", "nobody");
    const { status, body } = await kube.request("GET", "/api/v1/pods", undefined, { token });
    assert.equal(status, 403);
    assert.match(JSON.stringify(body), /system:serviceaccount:default:nobody/);
  });

  it("removes what a run that was killed left behind, and nothing of one that lives", async function () {
    this.timeout(60_000);
    const program = `import(${JSON.stringify(`${import.meta.dirname}/../rig/kube.ts`)})
      .then(({ startKube }) => startKube()).then(({ directory }) => console.log(directory));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [directory = ""] = await createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [String(value)]);
    assert.equal(processesOf(directory).length, 2);
    sweepLeftovers();
    assert.equal(processesOf(directory).length, 2);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(processesOf(directory).length, 2);
    sweepLeftovers();
    await until(() => processesOf(directory).length === 0);
    assert.ok(!existsSync(directory));
    assert.equal((await kube.request("GET", "/readyz")).status, 200);
  });
});

describe("the search for kube-apiserver and etcd", () => {
  const before = { ...process.env };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-assets-"));
  });
  afterEach(async () => {
    Object.assign(process.env, before);
    if (before["KUBEBUILDER_ASSETS"] === undefined) delete process.env["KUBEBUILDER_ASSETS"];
    await rm(folder, { recursive: true });
  });

  const put = async (name: string, mode: number) => {
    await writeFile(join(folder, name), "#!/bin/sh\n");
    await chmod(join(folder, name), mode);
  };

  it("takes those of KUBEBUILDER_ASSETS first, then those on PATH", async () => {
    await put("etcd", 0o755);
    await put("kube-apiserver", 0o644);
    process.env["KUBEBUILDER_ASSETS"] = folder;
    const found = await findKubeBinaries();
    assert.equal(found.etcd, join(folder, "etcd"));
    assert.notEqual(found.apiServer, join(folder, "kube-apiserver"), "it cannot be executed");
    delete process.env["KUBEBUILDER_ASSETS"];
    await put("kube-apiserver", 0o755);
    process.env["PATH"] = `${folder}:${before["PATH"]}`;
    assert.equal((await requireKubeBinaries()).apiServer, join(folder, "kube-apiserver"));
  });
});
