import assert from "node:assert/strict";
import { announcedInterfaces, wantedSysctls } from "#controller/node/host/wanted-sysctls.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { hostServices } from "#test/support/host-services.ts";

const ipv4Only: HostState = {
  gatewayAddresses: ["10.10.1.1/24"],
  routes: new Map(),
  localPodCidrs: ["10.10.1.0/24"],
  podCidrs: ["10.10.1.0/24"],
  nodeAddresses: ["fd18::1"],
  services: hostServices(),
};
const dual: HostState = { ...ipv4Only, podCidrs: ["10.10.1.0/24", "fd10:2::/64"] };

describe("sysctls of the host", () => {
  it("leave IPv6 as it is in a cluster whose pods have none", () => {
    assert.deepEqual(
      [...wantedSysctls(ipv4Only, []).keys()],
      ["net/ipv4/ip_forward", "net/ipv4/conf/weir-gw0/rp_filter"],
    );
  });

  it("make the node a router for both families where pods have both", () => {
    const wanted = wantedSysctls(dual, []);
    assert.equal(wanted.get("net/ipv4/ip_forward"), "1");
    assert.equal(wanted.get("net/ipv6/conf/all/forwarding"), "1");
    assert.equal(wanted.get("net/ipv6/conf/weir-gw0/accept_ra"), "0");
    assert.equal(wanted.get("net/ipv6/conf/weir-gw0/disable_ipv6"), "0");
  });

  it("let an interface hear its routers on, before the kernel would take their default route away", () => {
    const listed =
      '[{"dst":"default","gateway":"fe80::1","dev":"eth0"},{"dst":"default","gateway":"fe80::2","dev":"eth0"}]';
    assert.deepEqual(announcedInterfaces(listed), ["eth0"]);
    assert.deepEqual(announcedInterfaces(""), []);
    const keys = [...wantedSysctls(dual, ["eth0"]).keys()];
    assert.ok(keys.indexOf("net/ipv6/conf/eth0/accept_ra") < keys.indexOf("net/ipv6/conf/all/forwarding"));
    assert.equal(wantedSysctls(dual, ["eth0"]).get("net/ipv6/conf/eth0/accept_ra"), "2");
  });
});
