import assert from "node:assert/strict";
import { slicesOf, statusOf } from "../../demo/control-plane.ts";
import { addStatuses } from "../../demo/folder.ts";

const pod = (name: string, app: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "shop", labels: { app } },
  spec: { nodeName: "alpha" },
});
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 18080 }] },
};
const addresses = new Map([
  ["shop/a", { 4: "10.0.0.1", 6: "fd00::1" }],
  ["shop/b", { 4: "10.0.0.2" }],
  ["shop/other", { 4: "10.0.0.3" }],
]);

describe("what the demonstration adds to manifests", () => {
  it("is a slice of each family with the addresses of the pods that a service selects", () => {
    const objects = [service, pod("a", "web"), pod("b", "web"), pod("waiting", "web"), pod("other", "db")];
    const [four, six] = slicesOf(objects, addresses).map((slice) => JSON.parse(JSON.stringify(slice)));
    const ips = (slice: { endpoints: { addresses: string[] }[] }) => slice.endpoints.flatMap((one) => one.addresses);
    assert.deepEqual(ips(four), ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual(ips(six), ["fd00::1"]);
    assert.deepEqual(four.ports, [{ name: "http", protocol: "TCP", port: 18080 }]);
    assert.equal(four.metadata.labels["kubernetes.io/service-name"], "web");
  });

  it("is one line in each running pod that has no status, and nothing else is touched", () => {
    const line = `status: ${JSON.stringify(statusOf({ 4: "10.0.0.2" }))}`;
    const of = (name: string) => `apiVersion: v1\nkind: Pod # of\nmetadata: { name: ${name}, namespace: shop }\n`;
    const others =
      "kind: [broken\n---\n- a list\n---\n# nothing\n---\nkind: Service\nmetadata: { name: b, namespace: shop }\n";
    const own = `${of("b")}status: { phase: Pending }\n`;
    const text = [of("waiting"), of("b"), own, others].join("---\n");
    const expected = text.replace(of("b"), of("b").replace("kind: Pod", `kind: Pod\n${line}`));
    assert.equal(addStatuses(text, addresses), expected);
  });
});
