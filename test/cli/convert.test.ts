import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { weirctl } from "./run.ts";

const POLICIES = `
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: { name: guard }
spec:
  priority: 7
  subject: { namespaces: {} }
  ingress: [{ name: monitoring, action: Allow, from: [{ namespaces: {} }], ports: [{ portNumber: { protocol: TCP, port: 9100 } }] }]
---
kind: List
apiVersion: v1
items:
  - apiVersion: policy.networking.k8s.io/v1alpha1
    kind: BaselineAdminNetworkPolicy
    metadata: { name: default }
    spec: { subject: { namespaces: {} }, ingress: [{ action: Deny, from: [{ namespaces: {} }] }] }
  - { apiVersion: v1, kind: Namespace, metadata: { name: shop } }
`;

const CONVERTED = `---
# From AdminNetworkPolicy guard.

apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: guard
spec:
  tier: Admin
  priority: 7
  subject:
    namespaces: {}
  ingress:
    - name: monitoring
      action: Accept
      from:
        - namespaces: {}
      protocols:
        - tcp:
            destinationPort:
              number: 9100
---
# From BaselineAdminNetworkPolicy default.
# its priority is free to choose: lower ones leave no room before it.

apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: default
spec:
  tier: Baseline
  priority: 1000
  subject:
    namespaces: {}
  ingress:
    - action: Deny
      from:
        - namespaces: {}
`;

describe("weirctl policy convert", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "weir-t-convert-"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("writes YAML with what is to be said about it, from files and from stdin", async () => {
    const file = join(directory, "anp.yaml");
    writeFileSync(file, POLICIES);
    for (const outcome of [
      await weirctl(["policy", "convert", file]),
      await weirctl(["policy", "convert", "-"], POLICIES),
    ])
      assert.deepEqual(outcome, { code: 0, out: CONVERTED, err: "weirctl: 1 other object is left out\n" });
  });

  it("marks what has to be looked at, with exit code 1", async () => {
    const { code, out } = await weirctl(["policy", "convert", "-"], POLICIES.replace("action: Deny", "action: Log"));
    assert.equal(code, 1);
    assert.match(
      out,
      /^# LOOK AT THIS: spec\.ingress\[0\]\.action is "Log" and stays so; Weir denies everything by such a rule\.$/m,
    );
  });

  it("says what is wrong with its files", async () => {
    const convert = (input: string) => weirctl(["policy", "convert", "-"], input);
    assert.match((await convert("kind: [")).err, /^weirctl: - is not YAML/);
    assert.match((await convert("kind: Pod")).err, /there is no AdminNetworkPolicy or BaselineAdminNetworkPolicy/);
    assert.match((await weirctl(["policy", "convert", join(directory, "none")])).err, /none cannot be read/);
    for (const input of ["kind: [", "kind: Pod"]) assert.equal((await convert(input)).code, 1);
  });
});
