import assert from "node:assert/strict";
import { encodeFrame, parseFrame } from "#controller/node/cni-server/frame.ts";
import { parseRequest } from "#controller/node/cni-server/request.ts";

const CONFIG = { cniVersion: "1.1.0", name: "weir", type: "weir" };
const POD = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/a", CNI_IFNAME: "eth0" };

function parse(env: Record<string, string>, config: unknown) {
  const input = typeof config === "string" ? config : JSON.stringify(config);
  return parseRequest({ environment: new Map(Object.entries(env)), input });
}

describe("the executable's frame", () => {
  it("is complete at its last byte and not before", () => {
    const frame = { environment: new Map([["CNI_ARGS", "a=b;c=d"]]), input: "{}" };
    const bytes = encodeFrame(frame);
    for (let end = 0; end < bytes.length; end++) assert.equal(parseFrame(bytes.subarray(0, end)), undefined);
    assert.deepEqual(parseFrame(bytes), frame);
    assert.match(String(parseFrame(Buffer.from("GET / HTTP/1.1"))), /WCN1/);
  });
});

describe("a CNI call's environment and configuration", () => {
  const cases: [title: string, env: Record<string, string>, config: unknown, code: number, text: RegExp][] = [
    ["no JSON", POD, "{", 6, /not JSON/],
    ["an unknown version", POD, { ...CONFIG, cniVersion: "9.0.0" }, 1, /incompatible/],
    ["no name", POD, { ...CONFIG, name: undefined }, 7, /^name /],
    ["ranges that are no list", POD, { ...CONFIG, runtimeConfig: { ipRanges: 1 } }, 7, /runtimeConfig\.ipRanges/],
    ["a container id with a slash", { ...POD, CNI_CONTAINERID: "../a" }, CONFIG, 4, /CNI_CONTAINERID/],
    ["a long interface name", { ...POD, CNI_IFNAME: "a".repeat(16) }, CONFIG, 4, /CNI_IFNAME/],
    ["a relative namespace", { ...POD, CNI_NETNS: "a" }, CONFIG, 4, /CNI_NETNS/],
    ["CHECK before 0.4.0", { ...POD, CNI_COMMAND: "CHECK" }, { ...CONFIG, cniVersion: "0.3.1" }, 1, /CHECK/],
    ["GC without attachments", { CNI_COMMAND: "GC" }, CONFIG, 7, /valid-attachments/],
    ["an unknown command", { CNI_COMMAND: "PING" }, CONFIG, 4, /CNI_COMMAND/],
  ];
  for (const [title, env, config, number, message] of cases) {
    it(`refuses ${title} with code ${number}`, () => {
      assert.throws(() => parse(env, config), { number, message });
    });
  }

  it("needs no namespace for DEL, and reads the pod's identity", () => {
    const args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=n;K8S_POD_NAME=p;K8S_POD_UID=u";
    const request = parse({ ...POD, CNI_COMMAND: "DEL", CNI_NETNS: "", CNI_ARGS: args }, CONFIG);
    assert.ok(request.command === "DEL");
    assert.deepEqual(request.pod, { namespace: "n", name: "p", uid: "u" });
  });
});
