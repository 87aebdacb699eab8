import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import type { Flow } from "#openflow/flow.ts";
import { Framing } from "#openflow/framing.ts";
import { decode, encode, type Message } from "#openflow/messages/message.ts";
import { formatFlow, type NameOptions, parseFlow } from "#openflow/text/index.ts";
import { formatMessage } from "#openflow/text/message/index.ts";
import { printMessages } from "#test/openflow/ofctl.ts";
import { TAKEN } from "#test/openflow/text/corpus.ts";
import { OvsRig } from "#test/rig/ovs.ts";

const BRIDGE = "br0";
const ANY = 0xffff_ffff;
const OFPG_ALL = 0xffff_fffc;
const EVERYTHING = { table: 0xff, outPort: ANY, outGroup: ANY, cookie: 0n, cookieMask: 0n, match: [] };
const BARRIER_REPLY = 21;
const OPTIONS =
  "{class=0xffff,type=0,len=4}->tun_metadata0,{class=0xffff,type=1,len=8}->tun_metadata1,{class=0xffff,type=2,len=124}->tun_metadata5";

/** A switch's bytes as they come, with no connection between. */
class Wire {
  readonly #socket: Socket;
  readonly #framing = new Framing();
  readonly #received: Buffer[] = [];
  #barrier: (() => void) | undefined;
  #xid = 1;

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.on("data", (chunk: Buffer) => {
      for (const bytes of this.#framing.push(chunk)) {
        if (bytes[1] === BARRIER_REPLY) this.#barrier?.();
        else this.#received.push(Buffer.from(bytes));
      }
    });
    this.#socket.write(encode({ type: "hello", versions: [6] }, this.#xid++));
  }

  /** What came up to the answer to a barrier. */
  async ask(...messages: readonly Message[]): Promise<readonly Buffer[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#barrier = resolve;
    for (const message of [...messages, { type: "barrier_request" } as const])
      this.#socket.write(encode(message, this.#xid++));
    await promise;
    return this.#received.splice(0);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function multipart(kind: string, body: object): Message {
  return { type: "multipart_request", kind, body } as Message;
}

/** Each message written again as it came, and printed as Open vSwitch's own tool prints it. */
function assertExact(all: readonly Buffer[]): void {
  // An error quotes a message, which would be taken for the next one.
  const messages = all.filter((bytes) => decode(bytes).message.type !== "error");
  const theirs = printMessages(messages);
  assert.equal(theirs.length, messages.length);
  for (const [i, bytes] of messages.entries()) {
    const { message, xid } = decode(bytes);
    assert.equal(Buffer.from(encode(message, xid)).toString("hex"), bytes.toString("hex"), theirs[i] ?? "");
    assert.equal(formatMessage(bytes).trimEnd(), theirs[i]);
  }
}

describe("What ovs-vswitchd sends", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let wire: Wire;

  before(async () => {
    ovs = await OvsRig.start("ofexact");
  });
  beforeEach(async () => {
    await ovs.addBridge(BRIDGE);
    wire = new Wire(`${ovs.directory}/${BRIDGE}.mgmt`);
    await ovs.ofctl("add-tlv-map", ovs.management(BRIDGE), OPTIONS);
  });
  afterEach(async () => {
    wire.close();
    await ovs.vsctl("del-br", BRIDGE);
  });
  after(() => ovs?.close());

  it("is written again byte for byte, of every flow that it holds and tells of", async () => {
    const flows: readonly Flow[] = TAKEN.map((text, i) => ({ ...parseFlow(text), priority: i + 1 }));
    const monitor = { monitorId: 1, outPort: ANY, outGroup: ANY, flags: 0x17, table: 0xff, command: "add", match: [] };
    const told = await wire.ask(multipart("flow_monitor", [monitor]), ...flows.map(addFlow));
    const held = await wire.ask(multipart("flow_desc", EVERYTHING));
    assert.ok(held.length > 0 && told.length > flows.length / 2);
    assertExact([...told, ...held]);
  });

  it("is written again byte for byte, of everything else that it can be asked", async () => {
    const group = { groupId: 1, type: "select", buckets: [{ id: 3, weight: 5, actions: [] }] } as const;
    const fields = [
      { field: "ip_src", value: 0xffff_ffff },
      { field: "nw_proto", value: 0xff },
      { field: "tcp_src", value: 0xffff },
    ] as const;
    const groups: readonly Message[] = [
      { ...group, selection: { method: "hash", parameter: 5n, fields } },
      { ...group, groupId: 2, type: "fast_failover", buckets: [{ id: 7, watchPort: 1, actions: [] }] } as const,
    ].map((one) => ({ type: "group_mod", command: "add", group: one, commandBucketId: ANY }));
    const meter: Message = {
      ...{ type: "meter_mod", command: "add", meterId: 4, flags: 5 },
      bands: [{ type: "drop", rate: 1000, burst: 10 }],
    };
    const answers = await wire.ask(
      ...[...groups, meter, { type: "features_request" } as const, { type: "get_config_request" } as const],
      ...[{ type: "get_async_request" } as const, { type: "nxt_tlv_table_request" } as const],
      ...["desc", "table_stats", "group_features", "meter_features", "table_desc"].map((kind) => multipart(kind, {})),
      ...["group_stats", "group_desc"].map((kind) => multipart(kind, { groupId: OFPG_ALL })),
      ...["meter_stats", "meter_config"].map((kind) => multipart(kind, { meterId: ANY })),
      ...["port_stats", "port_desc"].map((kind) => multipart(kind, { port: ANY })),
      multipart("aggregate_stats", EVERYTHING),
      multipart("table_features", []),
    );
    assert.ok(answers.length > 30);
    assertExact(answers);
  });

  it("is written again byte for byte, of a packet in the middle of its way", async () => {
    const flows = [
      "actions=push:NXM_NX_REG0[],set_field:5->reg3,clone(set_field:7->reg1,resubmit(,9)),controller(userdata=01.02,pause)",
      "table=9,ip,actions=set_field:0x1234->metadata,controller(pause)",
    ];
    await wire.ask(
      { type: "set_config", flags: 0, missSendLength: 0xffff },
      ...flows.map((text) => addFlow(parseFlow(text))),
    );
    await wire.ask({ type: "nxt_set_packet_in_format", format: "nxt_packet_in2" });
    const frame = "ffffffffffff020000000001080045000028000100004006000a0a0000010a000002005000510000000000000000";
    const packet: Message = {
      type: "packet_out",
      bufferId: ANY,
      metadata: [{ field: "in_port", value: 0xffff_fffd }],
      actions: [{ type: "output", port: 0xffff_fff9 }],
      data: Buffer.from(frame.padEnd(128, "0"), "hex"),
    };
    const packets = [...(await wire.ask(packet))];
    const isPacket = (bytes: Buffer) => decode(bytes).message.type === "nxt_packet_in2";
    // It comes when the switch gets to it, which no barrier awaits.
    while (!packets.some(isPacket)) packets.push(...(await wire.ask()));
    assertExact(packets);
  });

  const options: readonly (readonly [flow: string, printed: string, withMap?: string])[] = [
    ["tun_metadata0=0x3", "tun_metadata0=0x3 actions=drop"],
    ["tun_metadata0=0x3/0xff", "tun_metadata0=0x3 actions=drop", "tun_metadata0=0x3/0xff actions=drop"],
    [
      "tun_metadata1=0xab00000000000000/0xff00000000000000",
      "tun_metadata1=0xab00000000000000/0xff00000000000000 actions=drop",
    ],
    ["tun_metadata0", "tun_metadata0 actions=drop"],
    ["tun_metadata5=0x7", "tun_metadata5=0x7 actions=drop"],
    ["actions=set_field:0x3/0xff->tun_metadata0", "actions=set_field:0x3/0xff->tun_metadata0"],
    [
      "actions=move:NXM_NX_TUN_METADATA0[0..31]->NXM_NX_REG0[]",
      "actions=move:NXM_NX_TUN_METADATA0[0..31]->NXM_NX_REG0[]",
      "actions=move:NXM_NX_TUN_METADATA0[]->NXM_NX_REG0[]",
    ],
    ["actions=delete_field:tun_metadata1", "actions=delete_field:tun_metadata1"],
  ];
  it("tells of a tunnel's options by their map, and without it as ovs-ofctl does", async () => {
    const replies = await wire.ask({ type: "nxt_tlv_table_request" });
    const table = replies.map((bytes) => decode(bytes).message).find(({ type }) => type === "nxt_tlv_table_reply");
    assert.ok(table?.type === "nxt_tlv_table_reply");
    const known: NameOptions = {
      optionLengths: new Map(table.mappings.map(({ index, optionLength }) => [index, optionLength])),
    };
    const whole = (text: string) => (text.includes("actions=") ? text : `${text},actions=drop`);
    for (const [text, printed, withMap = printed] of options) {
      await wire.ask({ ...addFlow(parseFlow("actions=drop")), command: "delete", table: 0xff });
      // Read with the map and without it, it is the same flow in the switch.
      for (const names of [{}, known]) {
        const answers = await wire.ask(addFlow(parseFlow(whole(text), names)), multipart("flow_desc", EVERYTHING));
        assertExact(answers);
        const reply = decode(answers[0]!).message;
        assert.ok(reply.type === "multipart_reply" && reply.kind === "flow_desc");
        assert.deepEqual(
          reply.body.map((flow) => formatFlow(flow).trim().replace(/^, /, "")),
          [printed],
        );
        assert.deepEqual(
          reply.body.map((flow) => formatFlow(flow, known).trim()),
          [withMap],
        );
      }
    }
    assert.throws(() => parseFlow("tun_metadata0=0x123456789,actions=drop", known), /tun_metadata0 has 4 bytes/);
    assert.throws(() => parseFlow("actions=set_field:0x123456789->tun_metadata0", known), /tun_metadata0 has 4 bytes/);
    assert.deepEqual(parseFlow("actions=move:NXM_NX_TUN_METADATA1[]->NXM_NX_XXREG0[0..63]", known).actions, [
      {
        type: "move",
        source: { field: "tun_metadata1", start: 0, bits: 64, length: 8 },
        destination: { field: "xxreg0", start: 0, bits: 64 },
      },
    ]);
  });
});
