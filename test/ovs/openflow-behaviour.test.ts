import assert from "node:assert/strict";
import { type Ip, type Ipv6, type Mac, parseIp } from "#base/address.ts";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import type { Bucket, Group } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import { BUCKET, OFPG_ALL } from "#openflow/messages/groups.ts";
import type { Message, MessageOf } from "#openflow/messages/message.ts";
import { type PacketIn, PacketIns } from "#openflow/packet-ins.ts";
import { OFPP } from "#openflow/ports.ts";
import { parseActions, parseFlow } from "#openflow/text/index.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";

const BRIDGE = "br0";
const NO_BUFFER = 0xffff_ffff;
const UDP = 17;
type PacketIn2 = MessageOf<"nxt_packet_in2">;

function address(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined);
  return parsed;
}

function frame(sourcePort: number, source = "10.0.0.1"): Buffer {
  const payload = udp(sourcePort, 53, "x");
  const packet = ip({ source: address(source), destination: address("10.0.0.2"), protocol: UDP, payload });
  return ethernet(0x020000000002 as Mac, 0x020000000001 as Mac, ETHER.ipv4, packet);
}

/** Into table 0, or through the actions given. */
function packetOut(data: Buffer, actions = "table"): Message {
  const metadata = match({ in_port: OFPP.CONTROLLER });
  return { type: "packet_out", bufferId: NO_BUFFER, metadata, actions: parseActions(actions), data };
}

/** A connection, and what comes over it without being asked for. */
class Controller {
  readonly connection: OpenFlowConnection;
  readonly others: readonly Message[];
  readonly #packets: PacketIns;
  readonly #next: AsyncIterator<PacketIn>;

  private constructor(connection: OpenFlowConnection, packets: PacketIns, others: readonly Message[]) {
    this.connection = connection;
    this.others = others;
    this.#packets = packets;
    this.#next = packets[Symbol.asyncIterator]();
  }

  static async connect(address: string): Promise<Controller> {
    const packets = new PacketIns(1000);
    const others: Message[] = [];
    const onMessage = (message: Message): void => {
      packets.offer(message);
      others.push(message);
    };
    const connection = await connectOpenFlow({ address, onMessage, versions: ["1.5"] });
    const controller = new Controller(connection, packets, others);
    await packets.enable(connection);
    await controller.send({ type: "nxt_set_packet_in_format", format: "nxt_packet_in2" });
    return controller;
  }

  async send(...messages: readonly Message[]): Promise<void> {
    assert.deepEqual(await this.connection.sendAll(messages), []);
  }

  async flows(...texts: readonly string[]): Promise<void> {
    await this.send(...texts.map((text) => addFlow(parseFlow(text))));
  }

  async packet(): Promise<PacketIn2> {
    const { value } = await this.#next.next();
    assert.ok(value?.type === "nxt_packet_in2");
    return value;
  }

  async role(role: "equal" | "primary" | "secondary", generationId: bigint): Promise<Message> {
    return this.connection.request({ type: "role_request", role, shortId: 0, generationId });
  }

  close(): void {
    this.#packets.end();
    this.connection.close();
  }
}

function fieldOf({ properties: { metadata = [] } }: PacketIn2, name: string): unknown {
  return metadata.find(({ field }) => field === name)?.value;
}

function userdata({ properties }: PacketIn2): number {
  return properties.userdata?.[0] ?? -1;
}

describe("What ovs-vswitchd does of what is asked", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let controller: Controller;

  before(async () => {
    ovs = await OvsRig.start("ofdoes");
  });
  beforeEach(async () => {
    await ovs.addBridge(BRIDGE);
    controller = await Controller.connect(ovs.management(BRIDGE));
  });
  afterEach(async () => {
    controller.close();
    await ovs.appctl("dpctl/flush-conntrack");
    await ovs.vsctl("del-br", BRIDGE);
  });
  after(() => ovs?.close());

  describe("with connections that are to be forgotten", () => {
    /** Source port and zone of each connection that the switch knows. */
    async function known(): Promise<readonly string[]> {
      const lines = (await ovs.appctl("dpctl/dump-conntrack")).split("\n").filter((line) => line !== "");
      return lines.map((line) => `${/sport=(\d+)/.exec(line)?.[1]} in ${/zone=(\d+)/.exec(line)?.[1]}`).sort();
    }
    const mapped = (text: string) => (0xffff_0000_0000n | BigInt(address(text))) as Ipv6;

    beforeEach(async () => {
      for (const port of [1001, 1002])
        for (const zone of [5, 6])
          await controller.send(packetOut(frame(port), `ct(commit,zone=${zone},exec(set_field:7->ct_mark))`));
      assert.deepEqual(await known(), ["1001 in 5", "1001 in 6", "1002 in 5", "1002 in 6"]);
    });

    it("forgets a zone", async () => {
      await controller.send({ type: "nxt_ct_flush_zone", zone: 5 });
      assert.deepEqual(await known(), ["1001 in 6", "1002 in 6"]);
    });

    it("forgets one tuple of a zone, and no other", async () => {
      const original = {
        ...{ source: mapped("10.0.0.1"), destination: mapped("10.0.0.2") },
        ...{ sourcePort: 1002, destinationPort: 53 },
      };
      await controller.send({ type: "nxt_ct_flush", ipProto: UDP, properties: { original, zone: 6 } });
      assert.deepEqual(await known(), ["1001 in 5", "1001 in 6", "1002 in 5"]);
    });

    it("forgets by part of a tuple and by that of replies, in every zone", async () => {
      const original = { source: mapped("10.0.0.1"), sourcePort: 1001 };
      await controller.send({ type: "nxt_ct_flush", ipProto: UDP, properties: { original } });
      assert.deepEqual(await known(), ["1002 in 5", "1002 in 6"]);
      const reply = { destination: mapped("10.0.0.1"), destinationPort: 1002 };
      await controller.send({ type: "nxt_ct_flush", ipProto: UDP, properties: { reply, zone: 5 } });
      assert.deepEqual(await known(), ["1002 in 6"]);
    });

    it("knows nothing of a connection that is forgotten when its next packet comes", async () => {
      await controller.flows(
        "table=0,udp,actions=ct(zone=5,table=1)",
        "table=1,udp,ct_mark=0,actions=controller(userdata=01)",
        "table=1,udp,ct_mark=7,actions=controller(userdata=02)",
      );
      await controller.send(packetOut(frame(1001)));
      assert.equal(userdata(await controller.packet()), 2);
      await controller.send({ type: "nxt_ct_flush_zone", zone: 5 }, packetOut(frame(1001)));
      assert.equal(userdata(await controller.packet()), 1);
    });
  });

  it("goes on with a packet that is given back, from where it stopped and as it was changed", async () => {
    await controller.flows(
      "table=0,udp,actions=set_field:7->reg1,push:NXM_NX_REG1[],resubmit(,1),pop:NXM_NX_REG2[],controller(userdata=03)",
      "table=1,udp,actions=set_field:8->reg1,controller(userdata=01,pause),controller(userdata=02)",
    );
    await controller.send(packetOut(frame(1001)));
    const paused = await controller.packet();
    assert.deepEqual([userdata(paused), fieldOf(paused, "reg1")], [1, 8]);
    assert.ok(paused.properties.continuation !== undefined);
    const { data: _, metadata = [], ...properties } = paused.properties;
    const changed = metadata.map((term) => (term.field === "reg1" ? { ...term, value: 9 } : term));
    await controller.send({
      type: "nxt_resume",
      properties: { ...properties, data: frame(2002), metadata: changed },
    });
    const resumed = await controller.packet();
    assert.deepEqual([userdata(resumed), fieldOf(resumed, "reg1")], [2, 9]);
    assert.deepEqual(Buffer.from(resumed.properties.data!), frame(2002));
    const last = await controller.packet();
    assert.deepEqual([userdata(last), fieldOf(last, "reg1"), fieldOf(last, "reg2")], [3, 9, 7]);
  });

  describe("with groups", () => {
    /** A bucket whose packets come back with its id in reg0. */
    function bucket(id: number, weight = 1): Bucket {
      return { id, weight, actions: parseActions(`set_field:${id}->reg0,resubmit(,9)`) };
    }
    const group = (method: string, ...fields: readonly ("ip_src" | "udp_src")[]): Group => ({
      ...{ groupId: 1, type: "select", buckets: [0, 1, 2, 3].map((id) => bucket(id)) },
      selection: { method, parameter: 0n, fields: fields.map((field) => ({ field, value: ALL_BITS[field] })) },
    });
    const ALL_BITS = { ip_src: 0xffff_ffff, udp_src: 0xffff } as const;

    async function install(command: MessageOf<"group_mod">["command"], one: Group, bucketId: number = BUCKET.all) {
      await controller.send({ type: "group_mod", command, group: one, commandBucketId: bucketId });
    }
    /** The bucket of each packet. */
    async function chosen(frames: readonly Buffer[]): Promise<readonly unknown[]> {
      await controller.send(...frames.map((data) => packetOut(data)));
      const buckets: unknown[] = [];
      for (const _ of frames) buckets.push(fieldOf(await controller.packet(), "reg0") ?? 0);
      return buckets;
    }
    const flowsOf = (count: number) => Array.from({ length: count }, (_, i) => frame(2000 + i));

    beforeEach(() => controller.flows("table=9,actions=controller"));

    it("chooses by the fields that count, and by no other", async () => {
      await install("add", group("hash", "ip_src"));
      await controller.flows("table=0,udp,actions=group:1");
      assert.equal(new Set(await chosen(flowsOf(40))).size, 1);
      const senders = Array.from({ length: 40 }, (_, i) => frame(2000, `10.0.1.${i + 1}`));
      assert.equal(new Set(await chosen(senders)).size, 4);
      await install("modify", group("hash", "ip_src", "udp_src"));
      assert.equal(new Set(await chosen(flowsOf(40))).size, 4);
      assert.equal(new Set(await chosen(Array.from({ length: 20 }, () => frame(2000)))).size, 1);
    });

    it("chooses by the hash of the datapath, the same for a connection's packets", async () => {
      await install("add", group("dp_hash"));
      await controller.flows("table=0,udp,actions=group:1");
      const first = await chosen(flowsOf(60));
      assert.equal(new Set(first).size, 4);
      assert.deepEqual(await chosen(flowsOf(60)), first);
    });

    it("puts buckets where they are wanted, and takes away which is named", async () => {
      const empty: Group = { ...group("hash", "udp_src"), buckets: [] };
      await install("add", empty);
      const ids = async () => {
        const [held] = await controller.connection.multipart("group_desc", { groupId: OFPG_ALL });
        assert.deepEqual(held?.selection, empty.selection);
        return held?.buckets.map(({ id }) => id);
      };
      const { selection: _, ...plain } = empty;
      await install("insert_bucket", { ...plain, buckets: [bucket(5)] }, BUCKET.first);
      await install("insert_bucket", { ...plain, buckets: [bucket(6), bucket(7)] }, BUCKET.last);
      await install("insert_bucket", { ...plain, buckets: [bucket(4)] }, BUCKET.first);
      await install("insert_bucket", { ...plain, buckets: [bucket(8)] }, 5);
      assert.deepEqual(await ids(), [4, 5, 8, 6, 7]);
      await install("remove_bucket", plain, 8);
      await install("remove_bucket", plain, BUCKET.last);
      assert.deepEqual(await ids(), [4, 5, 6]);
      await controller.flows("table=0,udp,actions=group:1");
      assert.deepEqual([...new Set(await chosen(flowsOf(60)))].sort(), [4, 5, 6]);
      await install("remove_bucket", plain, BUCKET.first);
      assert.deepEqual([...new Set(await chosen(flowsOf(60)))].sort(), [5, 6]);
      const twice = { type: "group_mod", command: "insert_bucket", commandBucketId: BUCKET.last } as const;
      const [refusal] = await controller.connection.sendAll([{ ...twice, group: { ...plain, buckets: [bucket(5)] } }]);
      assert.match(refusal?.error.message ?? "", /OFPGMFC_BUCKET_EXISTS/);
      await install("remove_bucket", plain, BUCKET.all);
      assert.deepEqual(await ids(), []);
    });
  });

  describe("with several controllers", () => {
    let second: Controller;
    const ACTION = 1 << 1;
    const NO_MATCH = 1 << 0;

    beforeEach(async () => {
      second = await Controller.connect(ovs.management(BRIDGE));
      await controller.flows(
        "table=0,udp,udp_src=1,actions=controller(reason=no_match,userdata=01)",
        "table=0,udp,udp_src=2,actions=controller(userdata=02)",
      );
    });
    afterEach(() => second.close());

    const both = [packetOut(frame(1)), packetOut(frame(2))];

    it("has one primary at a time, and tells who was it; a secondary may change nothing", async () => {
      const reply = await controller.role("primary", 1n);
      assert.deepEqual(reply, { type: "role_reply", role: "primary", shortId: 0, generationId: 1n });
      await second.role("primary", 2n);
      // What is told comes before the answer to a question that is asked later.
      await controller.connection.barrier();
      const told = controller.others.filter(({ type }) => type === "role_status");
      assert.deepEqual(told, [{ type: "role_status", role: "secondary", reason: 0, generationId: 2n }]);
      const flow = addFlow(parseFlow("table=3,actions=drop"));
      const [refusal] = await controller.connection.sendAll([flow]);
      assert.match(refusal?.error.message ?? "", /OFPBRC_IS_SECONDARY/);
      await second.send(flow);
      await assert.rejects(controller.role("primary", 1n), /OFPRRFC_STALE/);
      await controller.role("equal", 0n);
      await controller.send(flow);
    });

    it("sends each the packets whose reasons it has asked for", async () => {
      await controller.send({ type: "set_async", properties: { packetInPrimary: ACTION } });
      await second.send({ type: "set_async", properties: { packetInPrimary: NO_MATCH } });
      await controller.send(...both, ...both.toReversed());
      assert.deepEqual([userdata(await controller.packet()), userdata(await controller.packet())], [2, 2]);
      assert.deepEqual([userdata(await second.packet()), userdata(await second.packet())], [1, 1]);
      const config = await controller.connection.request({ type: "get_async_request" });
      assert.ok(config.type === "get_async_reply");
      assert.equal(config.properties.packetInPrimary, ACTION);
    });

    it("sends a secondary what it wants as one", async () => {
      const properties = { packetInPrimary: ACTION, packetInSecondary: NO_MATCH };
      await controller.send({ type: "set_async", properties });
      await second.role("primary", 1n);
      await controller.role("secondary", 1n);
      await second.send(...both);
      await controller.role("equal", 0n);
      assert.equal(userdata(await controller.packet()), 1);
      await second.send(...both);
      assert.equal(userdata(await controller.packet()), 2);
    });
  });
});
