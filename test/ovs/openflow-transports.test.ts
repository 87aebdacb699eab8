import assert from "node:assert/strict";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { keepConnected } from "#openflow/keep-connected.ts";
import { listenOpenFlow, type OpenFlowListener } from "#openflow/listen.ts";
import { match } from "#openflow/match.ts";
import { type PacketIn, PacketIns } from "#openflow/packet-ins.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { makeAuthority, type Party } from "#test/rig/tls.ts";

const BRIDGE = "br0";
const toController = {
  ...{ table: 0, priority: 1, match: match({}), cookie: 5n },
  actions: [{ type: "controller" as const }],
};

/** Sends one broadcast frame out of the bridge's own interface, into the bridge. */
const FRAME = `import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("${BRIDGE}", 0))
s.send(b"\\xff" * 6 + b"\\x02\\0\\0\\0\\0\\x01" + b"\\x88\\xb5" + b"weir" * 12)`;

function dataOf(packet: PacketIn): Uint8Array {
  return packet.type === "packet_in" ? packet.data : (packet.properties.data ?? new Uint8Array());
}

describe("OpenFlow over the transports of Open vSwitch", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let us: Party;
  let stranger: Party;

  before(async () => {
    ovs = await OvsRig.start("oftrans");
    await ovs.addBridge(BRIDGE);
    const authority = await makeAuthority(ovs.directory);
    us = await authority.issue("weir");
    const { key, certificate, ca } = (await authority.issue("switch")).files;
    await ovs.vsctl("set-ssl", key, certificate, ca);
    await ovs.inside("mkdir", "-p", `${ovs.directory}/other`);
    stranger = await (await makeAuthority(`${ovs.directory}/other`)).issue("stranger");
  });
  after(() => ovs?.close());
  afterEach(() => ovs.vsctl("del-controller", BRIDGE));

  /** Awaits the switch on a unix socket, which its network namespace does not hide. */
  async function awaitSwitch(scheme: string, tls?: Party["tls"]): Promise<OpenFlowConnection> {
    const { promise, resolve } = Promise.withResolvers<OpenFlowConnection>();
    const path = `${ovs.directory}/${BRIDGE}.controller`;
    const listener: OpenFlowListener = await listenOpenFlow({
      address: `${scheme}:${path}`,
      onConnection: resolve,
      ...(tls && { tls }),
    });
    await ovs.vsctl("set-controller", BRIDGE, `unix:${path}`);
    const connection = await promise;
    listener.close();
    return connection;
  }

  it("a switch that connects by itself is spoken to like any other", async () => {
    const connection = await awaitSwitch("punix");
    assert.deepEqual(await connection.transaction([addFlow(toController)]), { committed: true });
    assert.equal((await connection.dumpFlows()).length, 1);
    connection.close();
  });

  it("packets come as a stream", async () => {
    const packets = new PacketIns(100);
    const connection = await connectOpenFlow({ address: ovs.management(BRIDGE), onMessage: packets.offer });
    await packets.enable(connection);
    await connection.transaction([addFlow(toController)]);
    await ovs.inside("ip", "link", "set", BRIDGE, "up");
    await ovs.inside("python3", "-c", FRAME);
    // The kernel sends packets of its own when the interface comes up.
    for await (const packet of packets) if (Buffer.from(dataOf(packet)).includes("weirweir")) break;
    connection.close();
  });

  it("a reply larger than the limit is rejected, and the connection goes on", async () => {
    const connection = await connectOpenFlow({ address: ovs.management(BRIDGE), multipartLimit: 1000 });
    const flows = Array.from({ length: 100 }, (_, i) => ({ ...toController, priority: i + 1 }));
    await connection.transaction(flows.map(addFlow));
    await assert.rejects(connection.dumpFlows(), /more than 1000 bytes/);
    await connection.barrier();
    connection.close();
  });

  it("a request can be given up, and its late answer disturbs nobody", async () => {
    const connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    const giveUp = new AbortController();
    const waiting = connection.barrier({ signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await connection.barrier();
    connection.close();
  });

  it("a connection that is kept comes back with the next epoch when the switch does", async () => {
    const ending = new AbortController();
    const epochs: number[] = [];
    let next = Promise.withResolvers<void>();
    const kept = keepConnected({
      ...{ address: ovs.management(BRIDGE), signal: ending.signal },
      onConnect: (_connection, epoch) => {
        epochs.push(epoch);
        next.resolve();
      },
      onDisconnect: (_reason, epoch) => epochs.push(-epoch),
    });
    await next.promise;
    next = Promise.withResolvers();
    await ovs.kill("vswitchd");
    await ovs.startSwitch();
    await next.promise;
    ending.abort();
    await kept;
    assert.deepEqual(epochs, [1, -1, 2, -2]);
  });

  it("TLS is mutual: a switch of ours is taken, a stranger is not", async () => {
    const connections: OpenFlowConnection[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = await listenOpenFlow({
      ...{ address: "pssl:0:127.0.0.1", tls: us.tls },
      onConnection(connection) {
        connections.push(connection);
        resolve();
      },
    });
    const address = `ssl:127.0.0.1:${listener.port}`;
    await assert.rejects(connectOpenFlow({ address, tls: stranger.tls }), /no connection|closed|broke/);
    await assert.rejects(async () => connectOpenFlow({ address }), /needs the tls option/);
    // Two of ours: what each says is hello, which is all that a handshake needs.
    const client = await connectOpenFlow({ address, tls: us.tls });
    await promise;
    assert.equal(connections.length, 1);
    client.close();
    connections[0]!.close();
    listener.close();
  });
});
