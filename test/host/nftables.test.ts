import assert from "node:assert/strict";
import { elementCommands } from "#controller/node/host/element-commands.ts";
import { normalize, replacement } from "#controller/node/host/nft-tables.ts";
import type { NftObject } from "#controller/node/host/nft-words.ts";
import { type FirewallSettings, wantedTable } from "#controller/node/host/nftables.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { hostServices } from "#test/support/host-services.ts";

const state: HostState = {
  gatewayAddresses: ["10.10.1.1/24", "fd10:1::1/64"],
  routes: new Map(),
  localPodCidrs: ["10.10.1.0/24", "fd10:1::/64"],
  podCidrs: ["10.10.2.0/24", "10.10.1.0/24", "fd10:2::/64"],
  nodeAddresses: ["172.18.0.2", "172.18.0.1", "172.18.0.1", "fd18::1"],
  services: hostServices(),
};
const everything: FirewallSettings = {
  masquerade: true,
  tunnelPort: 6081,
  datapath: "netdev",
  nodePortAddresses: [],
};

/** Whatever the configuration says. */
const OF_SERVICES = [
  "services_outside",
  "services_outside_asked",
  "services_arriving",
  "services_asked",
  "services_refused",
  "services_leaving",
  "services_redirected",
];

function named(objects: readonly NftObject[], kind: string): string[] {
  return objects.flatMap((object) => (object[kind] === undefined ? [] : [String(object[kind]["name"])]));
}

function elementsOf(objects: readonly NftObject[], name: string): unknown {
  return objects.find((object) => object["set"]?.["name"] === name)?.["set"]?.["elem"];
}

describe("the nftables tables", () => {
  it("hold what the configuration asks for", () => {
    assert.deepEqual(named(wantedTable("inet", state, everything), "chain"), [
      "pods_in",
      "pods_out",
      "tunnel_in",
      "tunnel_out",
      "pods_leaving",
      ...OF_SERVICES,
    ]);
    assert.deepEqual(named(wantedTable("inet", state, { ...everything, datapath: "system" }), "chain"), [
      "tunnel_in",
      "tunnel_out",
      "pods_leaving",
      ...OF_SERVICES,
    ]);
    assert.deepEqual(
      named(wantedTable("inet", state, { ...everything, tunnelPort: undefined, datapath: "system" }), "chain"),
      ["pods_leaving", ...OF_SERVICES],
    );
  });

  it("hold no more than what they have a use for", () => {
    const nothing = { ...everything, masquerade: false, tunnelPort: undefined, datapath: "system" } as const;
    assert.deepEqual(named(wantedTable("inet", state, nothing), "chain"), OF_SERVICES);
    assert.deepEqual(wantedTable("arp", state, { ...everything, datapath: "system" }), []);
  });

  it("keep the kernel from answering ARP on pods' interfaces, where Open vSwitch only takes copies", () => {
    assert.deepEqual(named(wantedTable("arp", state, everything), "chain"), ["pods_in"]);
  });

  it("know networks and nodes by family, each once, this node's pods among all pods", () => {
    const objects = wantedTable("inet", state, everything);
    assert.deepEqual(elementsOf(objects, "pods_4"), [
      { prefix: { addr: "10.10.1.0", len: 24 } },
      { prefix: { addr: "10.10.2.0", len: 24 } },
    ]);
    assert.deepEqual(elementsOf(objects, "pods_6"), [
      { prefix: { addr: "fd10:1::", len: 64 } },
      { prefix: { addr: "fd10:2::", len: 64 } },
    ]);
    assert.deepEqual(elementsOf(objects, "nodes_4"), ["172.18.0.1", "172.18.0.2"]);
    assert.deepEqual(elementsOf(objects, "nodes_6"), ["fd18::1"]);
  });

  it("leave out networks within others, for nft refuses those", () => {
    const podCidrs = ["10.0.0.0/24", "10.0.0.0/8", "10.9.9.9/32", "11.0.0.0/32", "11.0.0.0/32"];
    const objects = wantedTable("inet", { ...state, localPodCidrs: [], podCidrs }, everything);
    assert.deepEqual(elementsOf(objects, "pods_4"), [{ prefix: { addr: "10.0.0.0", len: 8 } }, "11.0.0.0"]);
    assert.equal(elementsOf(objects, "local_pods_4"), undefined);
  });

  it("are replaced in one transaction, in which each is there before it is deleted", () => {
    const { nftables } = JSON.parse(replacement([{ family: "arp", wanted: wantedTable("arp", state, everything) }]));
    const table = { table: { family: "arp", name: "weir" } };
    assert.deepEqual(nftables.slice(0, 3), [{ add: table }, { delete: table }, { add: table }]);
    assert.deepEqual(
      nftables.slice(3).map((command: object) => Object.keys(command)),
      [["add"], ["add"]],
    );
  });

  it("are equal whatever handles the kernel gave and in whatever order it lists sets", () => {
    const table = { table: { family: "inet", name: "weir" } };
    const nodes = { family: "inet", table: "weir", name: "nodes", type: "ipv4_addr" };
    const listed: NftObject[] = [
      { metainfo: { version: "1.0.6" } },
      { table: { ...table.table, handle: 7 } },
      { set: { ...nodes, handle: 9, elem: ["10.0.0.2", "10.0.0.1"] } },
      { set: { ...nodes, name: "empty", handle: 8, elem: [] } },
    ];
    const written: NftObject[] = [
      table,
      { set: { ...nodes, name: "empty" } },
      { set: { ...nodes, elem: ["10.0.0.1", "10.0.0.2"] } },
    ];
    assert.deepEqual(normalize(listed), normalize(written));
  });

  it("differ by a rule's place in its chain", () => {
    const rule = (verdict: string): NftObject => ({
      rule: { family: "inet", table: "weir", chain: "c", expr: [{ [verdict]: null }] },
    });
    assert.notDeepEqual(normalize([rule("accept"), rule("drop")]), normalize([rule("drop"), rule("accept")]));
  });

  it("get one element more for one service more, and lose it again; what is otherwise as well is written whole", () => {
    const withPorts = (...nodePorts: string[]) =>
      wantedTable("inet", { ...state, services: hostServices({ nodePorts }) }, everything);
    const [one, two] = [withPorts("4 tcp 30080"), withPorts("4 tcp 30080", "4 udp 30081")];
    const elem = [{ concat: ["udp", 30081] }];
    const element = { family: "inet", table: "weir", name: "node_ports_4", elem };
    assert.deepEqual(elementCommands(one, two), [{ add: { element } }]);
    assert.deepEqual(elementCommands(two, one), [{ delete: { element } }]);
    assert.deepEqual(elementCommands(two, two), []);
    const other = wantedTable("inet", state, { ...everything, tunnelPort: undefined });
    assert.equal(elementCommands(one, other), undefined);
    const narrow = wantedTable("inet", state, { ...everything, nodePortAddresses: ["10.0.0.0/8"] });
    assert.equal(elementCommands(one, narrow), undefined);
  });
});
