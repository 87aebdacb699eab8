import assert from "node:assert/strict";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { EncodeError } from "#openflow/errors.ts";
import type { Group } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import type { Message } from "#openflow/messages/message.ts";
import { OFPP } from "#openflow/ports.ts";
import { formatFlow, parseFlow } from "#openflow/text/index.ts";
import { OvsRig } from "#test/rig/ovs.ts";

const BRIDGE = "br0";
const ANY = 0xffff_ffff;
const OFPG_ALL = 0xffff_fffc;

const GROUP: Group = {
  groupId: 7,
  type: "select",
  buckets: [
    { id: 0, weight: 3, actions: [{ type: "output", port: 1 }] },
    { id: 1, weight: 1, watchPort: 2, actions: [{ type: "set_field", field: "reg0", value: 5 }] },
  ],
};
const groupMod = (command: "add" | "delete" | "insert_bucket", group: Group): Message => ({
  ...{ type: "group_mod", command, group, commandBucketId: ANY },
});
const OUTPUT = { type: "output", port: 1 } as const;
const METER: Message = {
  ...{ type: "meter_mod", command: "add", meterId: 4, flags: 1 },
  bands: [{ type: "drop", rate: 1000, burst: 100 }],
};

/** What is written otherwise in 1.3: setters of some bits, copies, meters, and no importance. */
const FLOWS = [
  "table=1,priority=10,tcp,nw_dst=10.1.0.0/16,tp_dst=80,actions=set_field:0x5/0xff->reg1,resubmit(,4)",
  "table=1,priority=20,ipv6,ipv6_src=fd00::/64,actions=set_field:02:00:00:00:00:07->eth_dst,output:3",
  "table=1,priority=30,actions=set_field:0xf00f/0xff0f->reg1,move:NXM_NX_REG1[0..7]->NXM_NX_REG2[8..15]",
  "table=2,priority=30,ip,actions=ct(commit,zone=9,nat(src=10.9.9.9),exec(set_field:0x3/0x3->ct_mark)),goto_table:3",
  "table=3,priority=1,actions=meter:4,group:7",
  "table=5,priority=3,in_port=2,dl_vlan=7,actions=pop_vlan,write_actions(output:4),write_metadata:0x5/0xf",
  "table=6,priority=3,conj_id=4,ip,actions=controller(userdata=01.02,pause),set_field:0xa000000000000000b->xxreg1",
].map((text) => parseFlow(text));

describe("A switch that offers OpenFlow 1.3 and no more", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let connection: OpenFlowConnection;
  const errorOf = async (message: Message): Promise<string> =>
    (await connection.sendAll([message])).map(({ error }) => error.message).join();

  before(async () => {
    ovs = await OvsRig.start("ofolder");
    await ovs.addBridge(BRIDGE);
    await ovs.vsctl("set", "bridge", BRIDGE, "protocols=OpenFlow10,OpenFlow13");
  });
  after(() => ovs?.close());
  beforeEach(async () => {
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    assert.equal(await errorOf(METER), "");
    assert.equal(await errorOf(groupMod("add", GROUP)), "");
  });
  afterEach(async () => {
    await connection.sendAll([
      groupMod("delete", { ...GROUP, groupId: OFPG_ALL, buckets: [] }),
      { type: "meter_mod", command: "delete", meterId: ANY, flags: 0, bands: [] },
    ]);
    await ovs.inside("ovs-ofctl", "-O", "OpenFlow13", "del-flows", ovs.management(BRIDGE));
    connection.close();
  });
  const dump = async (): Promise<readonly string[]> => {
    const text = await ovs.inside("ovs-ofctl", "-O", "OpenFlow13", "--no-stats", "dump-flows", ovs.management(BRIDGE));
    return text
      .trim()
      .split("\n")
      .map((line) => line.trim())
      .sort();
  };

  it("is spoken to in it; who wants 1.5 is told what to do", async () => {
    assert.equal(connection.version, "1.3");
    await assert.rejects(connectOpenFlow({ address: ovs.management(BRIDGE), versions: ["1.5"] }), /add OpenFlow15/);
  });

  it("holds what a transaction brings, and gives it back as its own tool prints it", async () => {
    assert.deepEqual(await connection.transaction(FLOWS.map(addFlow)), { committed: true });
    const ours = (await connection.dumpFlows()).map((flow) => formatFlow({ ...flow, flags: 0 })).sort();
    const theirs = await dump();
    assert.deepEqual(ours, theirs);
    assert.ok(
      theirs.some((line) => line.includes("actions=load:0xf->NXM_NX_REG1[0..3],load:0xf0->NXM_NX_REG1[8..15]")),
    );
    assert.ok(theirs.some((line) => line.endsWith("actions=meter:4,group:7")));
  });

  it("leaves nothing of a bundle in which one flow is refused, and says which", async () => {
    const bad = { ...FLOWS[0]!, table: 9, actions: [{ type: "goto_table" as const, table: 2 }] };
    const result = await connection.transaction([FLOWS[0]!, bad, FLOWS[1]!].map(addFlow));
    assert.ok(!result.committed);
    assert.deepEqual(
      result.errors.map(({ index }) => index),
      [1],
    );
    assert.deepEqual(await connection.dumpFlows(), []);
  });

  it("tells of groups, meters, ports and tables as a newer one does", async () => {
    assert.deepEqual(await connection.multipart("group_desc", { groupId: OFPG_ALL }), [GROUP]);
    const [meter] = await connection.multipart("meter_config", { meterId: ANY });
    assert.deepEqual(meter?.bands, [{ type: "drop", rate: 1000, burst: 100 }]);
    const [port] = await connection.multipart("port_desc", { port: ANY });
    assert.equal(port?.name, BRIDGE);
    assert.equal((await connection.multipart("port_stats", { port: OFPP.LOCAL }))[0]?.port, OFPP.LOCAL);
    assert.equal((await connection.multipart("table_stats", {})).length, 254);
    assert.equal((await connection.multipart("desc", {})).hardware, "Open vSwitch");
  });

  it("watches flows by the extension of 1.3", async () => {
    await connection.transaction(FLOWS.slice(0, 1).map(addFlow));
    const monitor = { monitorId: 5, outPort: ANY, outGroup: ANY, flags: 0x17, table: 0xff, match: [] };
    const updates = await connection.multipart("flow_monitor", [{ ...monitor, command: "add" }]);
    assert.deepEqual(
      updates.map((update) => (update.event === "added" ? update.match : update.event)),
      [FLOWS[0]!.match],
    );
    await assert.rejects(connection.multipart("flow_monitor", [{ ...monitor, command: "delete" }]), EncodeError);
  });

  it("takes packets, a table's configuration, roles and masks of what it may send", async () => {
    const metadata = match({ in_port: OFPP.CONTROLLER });
    const out = { type: "packet_out", bufferId: ANY, metadata, data: new Uint8Array(60) } as const;
    assert.equal(await errorOf({ ...out, actions: [{ type: "output", port: OFPP.LOCAL }] }), "");
    assert.equal(await errorOf({ type: "table_mod", table: 3, config: 3, properties: {} }), "");
    assert.equal(await errorOf({ type: "set_async", properties: { packetInPrimary: 5, flowRemovedPrimary: 1 } }), "");
    const config = await connection.request({ type: "get_async_request" });
    assert.ok(config.type === "nxt_set_async_config");
    assert.deepEqual([config.packetIn.primary, config.flowRemoved.primary], [5, 1]);
    const hwAddr = (await connection.multipart("port_desc", { port: ANY }))[0]!.hwAddr;
    assert.equal(await errorOf({ type: "port_mod", port: OFPP.LOCAL, hwAddr, config: 0, mask: 1, properties: {} }), "");
    const role = await connection.request({ type: "role_request", role: "equal", shortId: 0, generationId: 0n });
    assert.ok(role.type === "role_reply" && role.role === "equal");
  });

  const unsayable: readonly (readonly [what: string, message: Message, error: RegExp])[] = [
    ["importance", addFlow(FLOWS[0]!), /^OpenFlow 1\.3 has no importance of a flow$/],
    ["a bucket's own command", groupMod("insert_bucket", GROUP), /no insert_bucket of a group/],
    [
      "a way to choose",
      groupMod("add", { ...GROUP, selection: { method: "dp_hash", parameter: 0n, fields: [] } }),
      /no selection method of a group/,
    ],
    [
      "a meter among other actions",
      addFlow({ ...FLOWS[0]!, actions: [OUTPUT, { type: "meter", meterId: 4 }] }),
      /meter is an instruction before OpenFlow 1\.5, and stands before all actions/,
    ],
    ["descriptions of queues", request("queue_desc", { port: ANY, queueId: ANY }), /no request for queue_desc/],
    ["a table's description", request("table_desc", {}), /no request for table_desc/],
    [
      "fields of the pipeline with a packet",
      { type: "packet_out", bufferId: ANY, metadata: match({ reg0: 1 }), actions: [], data: new Uint8Array(14) },
      /no packet_out with anything but an in_port/,
    ],
    ["another port's advertisement", portMod(), /no property of a port_mod/],
    ["eviction", { type: "table_mod", table: 1, config: 0, properties: { eviction: 1 } }, /no property of a table_mod/],
    [
      "the state of tables",
      { type: "table_status", reason: 3, desc: { table: 1, config: 0, properties: {} } },
      /OpenFlow 1\.3 has no table_status/,
    ],
  ];
  for (const [what, given, error] of unsayable)
    it(`is not sent what its version cannot say: ${what}`, async () => {
      const message = what === "importance" ? ({ ...given, importance: 5 } as Message) : given;
      await assert.rejects(connection.sendAll([message]), { name: "EncodeError", message: error });
      await connection.barrier();
    });
});

function request(kind: "queue_desc" | "table_desc", body: object): Message {
  return { type: "multipart_request", kind, body } as Message;
}

function portMod(): Message {
  const others = [{ number: 9, bytes: new Uint8Array(4) }];
  return { type: "port_mod", port: 1, hwAddr: 0 as never, config: 0, mask: 0, properties: { others } };
}
