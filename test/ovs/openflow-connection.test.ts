import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { addFlow, removeFlow } from "#controller/node/switch/flow-mods.ts";
import type { Action } from "#openflow/actions.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { OpenFlowError } from "#openflow/errors.ts";
import { type Flow, flowKey, sameFlow } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import { decode, encode } from "#openflow/messages/message.ts";
import { OvsRig } from "#test/rig/ovs.ts";

const BRIDGE = "br0";

function flow(table: number, address: number, actions: readonly Action[]): Flow {
  return { table, priority: 100, match: match({ eth_type: 0x800, ip_dst: address }), actions, cookie: BigInt(address) };
}

const good = (i: number): Flow => flow(1, 0x0a00_0000 + i, [{ type: "output", port: 1 }]);
/** Tables are visited upwards only. */
const bad = (i: number): Flow => flow(1, 0x0b00_0000 + i, [{ type: "goto_table", table: 0 }]);

describe("A connection to ovs-vswitchd", () => {
  let ovs: OvsRig;
  let connection: OpenFlowConnection;

  before(async function () {
    this.timeout(20_000);
    ovs = await OvsRig.start("ofconn");
    await ovs.addBridge(BRIDGE);
  });
  after(() => ovs?.close());
  beforeEach(async () => {
    await ovs.ofctl("del-flows", ovs.management(BRIDGE));
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
  });
  afterEach(() => connection.close());

  it("installs a bundle of flows and reads the same flows back", async () => {
    const flows = Array.from({ length: 3000 }, (_, i) => good(i));
    assert.deepEqual(await connection.transaction(flows.map(addFlow)), { committed: true });
    const held = new Map((await connection.dumpFlows()).map((one) => [flowKey(one), one]));
    assert.equal(held.size, flows.length);
    for (const one of flows) assert.ok(sameFlow(held.get(flowKey(one))!, one));
    assert.match(await ovs.ofctl("dump-aggregate", ovs.management(BRIDGE)), /flow_count=3000/);
  });

  it("removes exactly the flow that is named", async () => {
    await connection.transaction([addFlow(good(1)), addFlow(good(2))]);
    await connection.transaction([removeFlow(good(1))]);
    assert.deepEqual((await connection.dumpFlows()).map(flowKey), [flowKey(good(2))]);
  });

  it("leaves nothing of a bundle in which one flow is refused, and says which and why", async () => {
    const result = await connection.transaction([good(1), bad(1), good(2)].map(addFlow));
    assert.ok(!result.committed);
    assert.deepEqual(
      result.errors.map(({ index }) => index),
      [1],
    );
    assert.match(result.error.message, /BAD_TABLE|OFPBIC/i);
    assert.deepEqual(await connection.dumpFlows(), []);
  });

  it("rejects a bundle under way when the connection goes, and nothing else with it", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.prependListener("unhandledRejection", note);
    const under = connection.transaction([addFlow(good(1))]);
    connection.close();
    await assert.rejects(under, { name: "ConnectionError" });
    await new Promise(setImmediate);
    process.off("unhandledRejection", note);
    assert.deepEqual(unhandled, []);
  });

  it("opens no bundle that it does not close, also when a message cannot be written", async () => {
    const unsayable = { ...good(2), cookie: -1n };
    for (let i = 0; i < 300; i++)
      await assert.rejects(connection.transaction([good(1), unsayable].map(addFlow)), { name: "EncodeError" });
    assert.deepEqual(await connection.transaction([addFlow(good(1))]), { committed: true });
  });

  it("installs all but the refused of what is sent one by one", async () => {
    const refusals = await connection.sendAll([good(1), bad(1), good(2), bad(2)].map(addFlow));
    assert.deepEqual(
      refusals.map(({ index }) => index),
      [1, 3],
    );
    assert.equal((await connection.dumpFlows()).length, 2);
  });

  it("puts a reply of many parts together", async () => {
    const flows = Array.from({ length: 20_000 }, (_, i) => good(i));
    await connection.transaction(flows.map(addFlow));
    assert.equal((await connection.dumpFlows()).length, 20_000);
  }).timeout(10_000);

  it("rejects a request that the switch refuses, and goes on", async () => {
    const request = connection.request({ type: "bundle_control", bundleId: 77, control: 4, flags: 0 });
    await assert.rejects(request, OpenFlowError);
    await connection.barrier();
  });

  it("tells everybody who waits when the switch goes away", async () => {
    await ovs.kill("vswitchd");
    const reason = await connection.closed;
    await assert.rejects(connection.barrier(), (error) => error === reason);
    await ovs.startSwitch();
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
  });
});

describe("A connection to a switch that misbehaves", () => {
  let server: Server;
  let address: string;
  const hello = (version: number) => {
    const bytes = encode({ type: "hello", versions: [version] }, 1);
    bytes[0] = version;
    return bytes;
  };

  async function serve(behave: (socket: Socket) => void): Promise<void> {
    const path = join("/tmp", `weir-test-${process.pid}.sock`);
    address = `unix:${path}`;
    server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  }
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it("is refused when it speaks none of the versions that are wanted, saying what to do", async () => {
    await serve((socket) => socket.end(hello(4)));
    await assert.rejects(
      connectOpenFlow({ address, versions: ["1.5"] }),
      /speaks OpenFlow 1\.3; 1\.5 is needed: add OpenFlow15 to/,
    );
  });

  it("is refused without a bitmap when its header is too old", async () => {
    await serve((socket) => socket.end(Buffer.from("0300000800000001", "hex")));
    await assert.rejects(connectOpenFlow({ address }), /speaks OpenFlow 1\.2 at most; 1\.5 or 1\.3 is needed/);
  });

  it("costs the one request whose answer cannot be read, and goes on", async () => {
    await serve((socket) => {
      socket.write(hello(6));
      socket.on("data", (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at += chunk.readUInt16BE(at + 2)) {
          const { xid, message } = decode(chunk.subarray(at, at + chunk.readUInt16BE(at + 2)));
          // A features reply of no length that it may have.
          const broken = Buffer.from("0606000900000000ff", "hex");
          broken.writeUInt32BE(xid, 4);
          if (message.type === "features_request") socket.write(broken);
          if (message.type === "barrier_request") socket.write(encode({ type: "barrier_reply" }, xid));
        }
      });
    });
    const connection = await connectOpenFlow({ address });
    await assert.rejects(connection.request({ type: "features_request" }), { name: "DecodeError" });
    await connection.barrier();
    connection.close();
  });

  it("ends when what comes is no OpenFlow", async () => {
    await serve((socket) => {
      socket.write(hello(6));
      socket.write(Buffer.from("0600000200000000", "hex"));
    });
    await assert.rejects(
      connectOpenFlow({ address }).then(async (connection) => Promise.reject(await connection.closed)),
      /no OpenFlow/,
    );
  });

  it("answers echo requests, and gives up a switch that does not answer its own", async () => {
    const answered = Promise.withResolvers<number>();
    await serve((socket) => {
      socket.write(hello(6));
      socket.write(encode({ type: "echo_request", data: new Uint8Array([7]) }, 42));
      socket.on("data", (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at += chunk.readUInt16BE(at + 2)) {
          const { xid, message } = decode(chunk.subarray(at, at + chunk.readUInt16BE(at + 2)));
          if (message.type === "echo_reply") answered.resolve(xid);
        }
      });
    });
    const connection = await connectOpenFlow({ address, inactivity: 20 });
    assert.equal(await answered.promise, 42);
    assert.match((await connection.closed).message, /was silent/);
  });
});
