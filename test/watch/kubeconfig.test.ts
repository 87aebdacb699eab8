import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubeconfigAccess } from "#controller/watch/access/kubeconfig.ts";

describe("A kubeconfig file", () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-t-kubeconfig-"));
    path = join(directory, "config");
    const names = ["one", "two"];
    await writeFile(
      path,
      JSON.stringify({
        "current-context": "one",
        contexts: names.map((name) => ({ name, context: { cluster: name, user: name } })),
        clusters: names.map((name) => ({ name, cluster: { server: `https://${name}.example:6443/` } })),
        users: names.map((name) => ({ name, user: { token: `token of ${name}` } })),
      }),
    );
  });
  after(() => rm(directory, { recursive: true }));

  it("leads to the cluster of its current context, with that one's credentials", async () => {
    const { server, credentials } = await kubeconfigAccess(path);
    assert.equal(server, "https://one.example:6443");
    assert.deepEqual((await credentials()).headers, { authorization: "Bearer token of one" });
  });

  it("leads to that of another context, where one is named", async () => {
    const { server, credentials } = await kubeconfigAccess(path, "two");
    assert.equal(server, "https://two.example:6443");
    assert.deepEqual((await credentials()).headers, { authorization: "Bearer token of two" });
    await assert.rejects(kubeconfigAccess(path, "three"), /context three is not the name of one of its contexts/);
  });
});
