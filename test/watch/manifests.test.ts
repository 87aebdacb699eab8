import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subscription } from "rxjs";
import { silentLog } from "#base/log.ts";
import { manifestsSource, readManifests } from "#controller/node/watch/manifests.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { until } from "./until.ts";

const POD = (name: string, node = "n1", labels = "a: b") =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, labels: { ${labels} } }\nspec: { nodeName: ${node}, containers: [] }\n`;

describe("a folder of manifests", () => {
  let directory: string;
  let batches: SourceBatch[];
  let problems: readonly Problem[];
  let subscription: Subscription | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-manifests-"));
    batches = [];
    problems = [];
  });
  afterEach(async () => {
    subscription?.unsubscribe();
    await rm(directory, { recursive: true });
  });

  const file = (name: string, text: string) => writeFile(join(directory, name), text);
  const start = async (at = directory) => {
    subscription = manifestsSource({
      directory: at,
      log: silentLog,
      settle: 5,
      rescan: 200,
      onProblems: (next) => {
        problems = next;
      },
    }).subscribe((batch) => batches.push(batch));
    if (at === directory) await until(() => batches.length > 0);
  };
  const lastKeys = () => batches.at(-1)?.changes.map(({ kind, key, object }) => `${object ? "+" : "-"}${kind} ${key}`);

  it("gives all of it as one complete batch, pods of other nodes too, and later the differences", async () => {
    await file(
      "a.yaml",
      `${POD("one")}---\n${POD("two", "n2")}---\n\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n`,
    );
    await mkdir(join(directory, "sub"));
    await file(
      "sub/b.yml",
      `apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: Node, metadata: {name: n1}}\n`,
    );
    await start();
    assert.deepEqual(lastKeys(), ["+Pod default/one", "+Pod default/two", "+Namespace x", "+Node n1"]);
    assert.equal(batches[0]?.synced, true);
    assert.deepEqual(batches[0]?.changes[0]?.object, {
      metadata: { name: "one", namespace: "default", labels: { a: "b" } },
      spec: { nodeName: "n1", containers: [] },
    });
    await file("a.yaml", `${POD("one", "n1", "a: c")}---\n${POD("two")}`);
    await until(() => batches.length > 1);
    assert.deepEqual(lastKeys(), ["-Namespace x", "+Pod default/one", "+Pod default/two"]);
    assert.deepEqual(problems, []);
  });

  it("says nothing when a file is written again with the same objects in it", async () => {
    await file("a.yaml", POD("one"));
    await start();
    await file("a.yaml", `# a comment\n${POD("one")}`);
    await file("b.yaml", POD("two"));
    await until(() => batches.length > 1);
    assert.deepEqual(lastKeys(), ["+Pod default/two"]);
  });

  it("follows an editor that renames a new file into place", async () => {
    await file("a.yaml", POD("one"));
    await start();
    await file(".a.yaml.swp", POD("two"));
    await rename(join(directory, ".a.yaml.swp"), join(directory, "a.yaml"));
    await until(() => batches.length > 1);
    assert.deepEqual(lastKeys(), ["-Pod default/one", "+Pod default/two"]);
  });

  it("follows a mounted ConfigMap, whose files are links through a hidden folder that is swapped", async () => {
    for (const [name, pod] of [
      ["..1", "one"],
      ["..2", "two"],
    ] as const) {
      await mkdir(join(directory, name));
      await file(`${name}/a.yaml`, POD(pod));
    }
    await symlink("..1", join(directory, "..data"));
    await symlink("..data/a.yaml", join(directory, "a.yaml"));
    await start();
    assert.deepEqual(lastKeys(), ["+Pod default/one"]);
    await symlink("..2", join(directory, "..tmp"));
    await rename(join(directory, "..tmp"), join(directory, "..data"));
    await until(() => batches.length > 1);
    assert.deepEqual(lastKeys(), ["-Pod default/one", "+Pod default/two"]);
  });

  it("keeps a file's last good objects while something in it is wrong, and names the line", async () => {
    await file("a.yaml", `${POD("one")}---\n${POD("two")}`);
    await start();
    await file("a.yaml", `${POD("one", "n1", "a: new")}---\nkind: Pod\n  apiVersion: [\n`);
    // The file may be read while it is being written, and is read again then.
    await until(() => batches.length > 1 && /^a\.yaml:[678]$/.test(problems[0]?.object ?? ""));
    assert.deepEqual(lastKeys(), ["+Pod default/one"]);
    await file("a.yaml", POD("one", "n1", "a: new"));
    await until(() => batches.length > 2);
    assert.deepEqual(lastKeys(), ["-Pod default/two"]);
    assert.deepEqual(problems, []);
  });

  it("forgets what a removed file and a removed folder held", async () => {
    await mkdir(join(directory, "sub"));
    await file("sub/a.yaml", POD("one"));
    await file("b.yaml", POD("two"));
    await start();
    await unlink(join(directory, "b.yaml"));
    await until(() => batches.length > 1);
    await rm(join(directory, "sub"), { recursive: true });
    await until(() => batches.length > 2);
    assert.deepEqual(lastKeys(), ["-Pod default/one"]);
    await mkdir(join(directory, "sub"));
    await file("sub/a.yaml", POD("one"));
    await until(() => batches.length > 3);
    assert.deepEqual(lastKeys(), ["+Pod default/one"]);
  });

  it("waits for a folder that is not there, and says so", async () => {
    await start(join(directory, "later"));
    await until(() => problems.length > 0);
    assert.match(problems[0]?.message ?? "", /cannot be read .*name a folder of manifests/);
    assert.deepEqual(batches, []);
    await mkdir(join(directory, "later"));
    await file("later/a.yaml", POD("one"));
    await until(() => batches.length > 0 && lastKeys()?.length === 1);
    assert.deepEqual(problems, []);
  });

  it("takes one of two objects with the same name, always the same, and names both places", async () => {
    await file("a.yaml", POD("one", "n1", "from: a"));
    await file("b.yaml", `# second\n${POD("one", "n1", "from: b")}`);
    const { changes, problems } = await readManifests(directory);
    assert.equal(changes.length, 1);
    assert.deepEqual(problems, [
      {
        source: "manifests",
        object: "b.yaml:2",
        field: "",
        message: "Pod default/one is already in a.yaml:1, which counts; remove one",
      },
    ]);
  });
});
