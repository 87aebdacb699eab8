import assert from "node:assert/strict";
import { parseManifest } from "#controller/node/watch/manifests/parse.ts";

const complaints = (text: string) =>
  parseManifest(text).problems.map(({ line, field, message }) => `${line} ${field} ${message}`);

describe("a manifest's text", () => {
  it("reads documents, lists of any kind and JSON, each object with its line", () => {
    const { objects, problems } = parseManifest(
      `# first\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: p, namespace: a}\n- metadata: {name: q}\n--- \n{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}\n`,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      objects.map(({ kind, key, line }) => `${kind} ${key} ${line}`),
      ["Namespace a 2", "Pod a/p 9", "Pod default/q 10", "Node n 12"],
    );
  });

  it("passes over kinds that are not read, and empty documents", () => {
    assert.deepEqual(parseManifest("---\n---\n# none\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"), {
      objects: [],
      problems: [],
    });
  });

  it("names the line and the field of what is wrong, and what would be right", () => {
    assert.deepEqual(complaints("- 1\n"), ["1  is no object; a Kubernetes object has apiVersion, kind and metadata"]);
    assert.deepEqual(complaints("\napiVersion: v1\n"), ["2 kind is missing; write for example kind: Pod"]);
    assert.deepEqual(complaints("kind: Pod\n"), ["1 apiVersion is missing; write for example apiVersion: v1"]);
    assert.deepEqual(complaints("apiVersion: v2\nkind: Pod\nmetadata: {name: a}\n"), [
      "1 apiVersion is v2; a Pod has apiVersion: v1",
    ]);
    assert.deepEqual(complaints("apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n  name: A_b\n"), [
      `5 metadata.name is "A_b"; a name has lower case letters, digits, '-' and '.'`,
    ]);
    assert.deepEqual(complaints("apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-\n"), [
      "3 metadata.name is missing; a name has lower case letters, digits, '-' and '.'",
    ]);
    assert.deepEqual(
      complaints("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata: {}\n"),
      ["6 items[0].metadata.name is missing; a name has lower case letters, digits, '-' and '.'"],
    );
    assert.deepEqual(complaints("apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\n"), [
      "2 kind is AdminNetworkPolicy, which is not read; weirctl policy convert makes a ClusterNetworkPolicy of it",
    ]);
    assert.deepEqual(complaints("apiVersion: apps/v1\nkind: Deployment\n"), [
      "2 kind is Deployment, of which nobody makes pods here; write the Pods themselves",
    ]);
    assert.match(complaints("a: b\n---\na: [\n")[1] ?? "", /^[34] {2}is not YAML: /);
  });

  it("refuses aliases that multiply without bound", () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1,1]\n${[..."bcdefg"]
      .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${"abcdefg"[i]}`).join(",")}]`)
      .join("\n")}\n`;
    assert.equal(parseManifest(bomb).problems.length, 1);
  });

  it("never throws, whatever the text", () => {
    for (const text of [
      "",
      "\t",
      "%YAML 9\n",
      "a: *b",
      "? [a]\n: b",
      "kind: {}\napiVersion: []",
      "&a [*a]",
      "!!binary x",
      "null",
    ])
      parseManifest(text);
  });
});
