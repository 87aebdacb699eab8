import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createFabric, type Fabric, sweepFabric } from "../../demo/fabric.ts";
import { probe, startProber } from "../../demo/probing.ts";
import { shell } from "../../demo/shell.ts";

const NAME = "weir-t-fabric";
const RMEM = "/proc/sys/net/core/rmem_default";

async function namespaces(): Promise<string[]> {
  return (await shell("ip", "netns", "list")).split("\n").filter((line) => line.startsWith(`${NAME}-`));
}

/** Whether it does something: init may not have collected what is dead. */
function isAlive(pid: number | string): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

describe("the demonstration's fabric", () => {
  const bufferBefore = readFileSync(RMEM, "utf8");
  let fabric: Fabric | undefined;

  afterEach(async () => {
    await fabric?.close();
    fabric = undefined;
  });

  it("connects nodes with each other and the outside, in both families", async () => {
    fabric = await createFabric(NAME);
    const [a, b] = await Promise.all([
      fabric.addNode("a", { 4: "172.18.0.1", 6: "fd18::1" }),
      fabric.addNode("b", { 4: "172.18.0.2", 6: "fd18::2" }),
    ]);
    const { outside } = fabric;
    const endpoints = await Promise.all([
      startProber(a.netns).then((prober) => ({
        prober,
        endpoint: { label: "a", kind: "node", netns: a.netns, addresses: { 4: "172.18.0.1", 6: "fd18::1" } } as const,
      })),
      startProber(b.netns).then((prober) => ({
        prober,
        endpoint: { label: "b", kind: "node", netns: b.netns, addresses: { 4: "172.18.0.2", 6: "fd18::2" } } as const,
      })),
      startProber(outside.netns).then((prober) => ({
        prober,
        endpoint: { label: "outside", kind: "outside", netns: outside.netns, addresses: outside.addresses } as const,
      })),
    ]);
    const cells = await probe(endpoints);
    assert.equal(cells.length, 8);
    assert.deepEqual(
      cells.flatMap(({ fault }) => fault ?? []),
      [],
    );
    await Promise.all(endpoints.map(({ prober }) => prober.close()));
  });

  it("is removed whole although somebody else removes a part of it meanwhile", async () => {
    fabric = await createFabric(NAME);
    const pods = await Promise.all(["a", "b", "c", "d", "e"].map((pod) => fabric!.addNamespace(pod)));
    await Promise.allSettled([fabric.removeNamespace(pods[0]!), fabric.close(), shell("ip", "netns", "del", pods[3]!)]);
    assert.deepEqual(await namespaces(), []);
  });

  it("leaves nothing behind when it is closed: no namespace, process, folder or setting", async () => {
    fabric = await createFabric(NAME);
    const node = await fabric.addNode("a", { 4: "172.18.0.1" });
    assert.ok(isAlive(node.vswitchd));
    await fabric.close();
    assert.deepEqual(await namespaces(), []);
    assert.ok(!isAlive(node.vswitchd));
    assert.ok(!existsSync(`/run/${NAME}`));
    assert.equal(readFileSync(RMEM, "utf8"), bufferBefore);
  });

  it("is not taken down by a second one of its name", async () => {
    fabric = await createFabric(NAME);
    await assert.rejects(createFabric(NAME), new RegExp(`another ${NAME} is running, process ${process.pid}`));
    assert.equal((await namespaces()).length, 1);
  });

  it("sweeps what a run left that was killed, its processes too", async () => {
    const program = `
      const { createFabric } = await import(${JSON.stringify(`${import.meta.dirname}/../../demo/fabric.ts`)});
      const fabric = await createFabric(${JSON.stringify(NAME)});
      const { vswitchd } = await fabric.addNode("a", { 4: "172.18.0.1" });
      process.stdout.write(String(vswitchd));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const vswitchd = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data: Buffer) => resolve(data.toString())),
    );
    child.kill("SIGKILL");
    assert.ok(isAlive(vswitchd));
    assert.equal((await namespaces()).length, 2);
    await sweepFabric(NAME);
    assert.ok(!isAlive(vswitchd));
    assert.deepEqual(await namespaces(), []);
    assert.equal(readFileSync(RMEM, "utf8"), bufferBefore);
  });
});
