import assert from "node:assert/strict";
import { type PodMtuInputs, podMtu } from "#controller/node/host/index.ts";

const usual: PodMtuInputs = {
  underlay: { mtu: 1500 },
  encapsulation: "always",
  tunnel: "geneve",
  nodeAddressFamily: 4,
  configured: undefined,
};

describe("the pods' MTU", () => {
  it("leaves room for the tunnel's headers: 50 bytes over IPv4, 70 over IPv6, for both protocols", () => {
    for (const tunnel of ["geneve", "vxlan"] as const) {
      assert.equal(podMtu({ ...usual, tunnel }), 1450);
      assert.equal(podMtu({ ...usual, tunnel, nodeAddressFamily: 6 }), 1430);
    }
  });

  it("is the underlay's without a tunnel, and a hybrid node has one", () => {
    assert.equal(podMtu({ ...usual, encapsulation: "never" }), 1500);
    assert.equal(podMtu({ ...usual, encapsulation: "hybrid", underlay: { mtu: 9000 } }), 8950);
  });

  it("is what the administrator says, if anything", () => {
    assert.equal(podMtu({ ...usual, configured: 1400 }), 1400);
    assert.equal(podMtu({ ...usual, configured: 1400, underlay: undefined }), 1400);
  });

  it("is not known without an underlay", () => {
    assert.equal(podMtu({ ...usual, underlay: undefined }), undefined);
  });
});
