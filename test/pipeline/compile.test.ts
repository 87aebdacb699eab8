import assert from "node:assert/strict";
import { compile, sortFlows } from "#pipeline/compile.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node, SETTINGS } from "./samples.ts";

function pod(name: string, nodeName: string, ...ips: readonly string[]): RawChange {
  const object = { metadata: { uid: name }, spec: { nodeName }, status: { podIPs: ips.map((ip) => ({ ip })) } };
  return { kind: "Pod", key: `default/${name}`, object };
}

describe("compiling manifests", () => {
  it("gives pods without an address the first free one behind the gateway's, in order of name", () => {
    const changes = [
      node("n1", ["10.0.0.0/29"], ["172.18.0.1"]),
      pod("b", "n1"),
      pod("a", "n1"),
      pod("c", "n1", "10.0.0.3"),
    ];
    assert.deepEqual(compile(SETTINGS, changes).assumptions, [
      "pod default/a: port 10, MAC 0a:58:00:00:00:0a, address assumed 10.0.0.2",
      "pod default/b: port 11, MAC 0a:58:00:00:00:0b, address assumed 10.0.0.4",
      "pod default/c: port 12, MAC 0a:58:00:00:00:0c, address 10.0.0.3",
    ]);
  });

  it("says of a pod for which no address is left that it has none", () => {
    const changes = [node("n1", ["10.0.0.0/30"], ["172.18.0.1"]), ...["a", "b", "c"].map((name) => pod(name, "n1"))];
    const { assumptions, problems } = compile(SETTINGS, changes);
    assert.match(assumptions[2]!, /^pod default\/c: port 12, MAC .*, address assumed none$/);
    assert.ok(problems.some(({ object, field }) => object === "Port assumed12" && field === "externalIds.weir-ips"));
  });

  it("tells of a node that is in no manifest, and which there are", () => {
    const { problems } = compile({ ...SETTINGS, nodeName: "n9" }, [node("n1", ["10.0.0.0/24"], ["172.18.0.1"])]);
    assert.deepEqual(problems, [
      { source: "manifests", object: "Node n9", field: "metadata.name", message: "is in no manifest; there are n1" },
    ]);
  });

  it("orders flows by table, priority and match", () => {
    const { flows } = compile(SETTINGS, [node("n1", ["10.0.0.0/24", "fd00::/64"], ["172.18.0.1"]), pod("a", "n1")]);
    assert.deepEqual(sortFlows(flows.toReversed()), flows);
    const places = flows.map(({ flow }) => flow.table * 100_000 - flow.priority);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
  });
});
