import assert from "node:assert/strict";
import fc from "fast-check";
import { createReplica, insert, type MonitorMethod, type Replica, type ReplicaBatch } from "#ovsdb/index.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";
import { type Answer, type FakeServer, refuse, reply, startFakeServer } from "#test/ovsdb/support/fake-server.ts";

const SCHEMA = { name: "db", version: "1.0.0", tables: { T: { columns: { name: { type: "string" } } } } };
const A = "00000000-0000-0000-0000-00000000000a";
const B = "00000000-0000-0000-0000-00000000000b";
const FIRST = "00000000-0000-0000-0000-000000000001";
const SECOND = "00000000-0000-0000-0000-000000000002";
const ZERO = "00000000-0000-0000-0000-000000000000";

describe("a replica of a peer that misbehaves", () => {
  let server: FakeServer | undefined;
  let replica: Replica<"T"> | undefined;
  const batches: ReplicaBatch[] = [];
  const connections: boolean[] = [];
  afterEach(async () => {
    replica?.close();
    await server?.close();
    batches.length = 0;
    connections.length = 0;
  });

  async function start(answers: Record<string, Answer>, methods?: readonly MonitorMethod[]): Promise<void> {
    server = await startFakeServer((message, connection) => {
      const method = String(message["method"]);
      const answer = answers[method];
      if (method === "get_schema") connection.send(reply(message, SCHEMA));
      else if (answer === undefined) connection.send(refuse(message, "unknown method"));
      else answer(message, connection);
    });
    replica = createReplica({
      remote: server.remote,
      database: "db",
      tables: { T: ["name"] },
      onBatch: (batch) => batches.push(batch),
      onConnection: (connected) => connections.push(connected),
      backoff: { next: () => 1, reset: () => {} },
      ...(methods === undefined ? {} : { methods }),
    });
    await replica.whenSynced();
  }

  const names = () => [...replica!.tables.T.values()].map((row) => row["name"]);
  const asked = (method: string) =>
    server!.connections.flatMap((one) => one.received.filter((message) => message["method"] === method));
  const since = (message: JsonObject | undefined): Json | undefined => {
    const params = message?.["params"];
    return Array.isArray(params) ? params[3] : undefined;
  };

  it("falls back to monitor_cond, and to monitor", async () => {
    await start({
      monitor_cond: (message, { send }) => send(reply(message, { T: { [A]: { initial: { name: "a" } } } })),
    });
    assert.deepEqual(names(), ["a"]);
    replica!.close();
    await server!.close();
    await start({
      monitor: (message, { send }) => {
        send(reply(message, { T: { [A]: { new: { name: "a" } } } }));
        const [, monitor = null] = message["params"] as Json[];
        send({
          method: "update",
          params: [monitor, { T: { [A]: { old: { name: "a" }, new: { name: "b" } } } }],
          id: null,
        });
        send({ method: "update", params: [monitor, { T: { [B]: { new: { name: "c" } } } }], id: null });
        send({ method: "update", params: [monitor, { T: { [A]: { old: { name: "b" } } } }], id: null });
      },
    });
    await eventually("the updates are in", () => names().join() === "c");
  });

  it("asks only for what it missed, where the server has the history", async () => {
    await start({
      monitor_cond_since: (message, { send, socket, index }) => {
        const [, monitor = null] = message["params"] as Json[];
        if (index === 0) {
          send(reply(message, [false, FIRST, { T: { [A]: { initial: { name: "a" } } } }]));
          send({ method: "update3", params: [monitor, SECOND, { T: { [B]: { insert: { name: "b" } } } }], id: null });
          socket.end();
        } else send(reply(message, [true, SECOND, { T: { [A]: { modify: { name: "z" } } } }]));
      },
    });
    await eventually("reconnected", () => connections.length === 3);
    assert.deepEqual(asked("monitor_cond_since").map(since), [ZERO, SECOND]);
    assert.deepEqual(names(), ["z", "b"]);
    assert.deepEqual(batches.at(-1)?.changes, [{ table: "T", uuid: A, before: { name: "a" }, after: { name: "z" } }]);
    assert.deepEqual(connections, [true, false, true]);
    assert.equal(replica!.epoch, 2);
  });

  it("takes everything anew, as one diff, when an update contradicts what it holds", async () => {
    await start({
      monitor_cond_since: (message, { send, index }) => {
        const [, monitor = null] = message["params"] as Json[];
        if (index === 0) {
          send(reply(message, [false, FIRST, { T: { [A]: { initial: { name: "a" } } } }]));
          send({ method: "update3", params: [monitor, SECOND, { T: { [B]: { modify: { name: "b" } } } }], id: null });
        } else
          send(
            reply(message, [false, FIRST, { T: { [A]: { initial: { name: "a" } }, [B]: { initial: { name: "b" } } } }]),
          );
      },
    });
    await eventually("resynced", () => connections.length === 3);
    assert.deepEqual(asked("monitor_cond_since").map(since), [ZERO, ZERO]);
    assert.deepEqual(
      batches.map(({ changes }) => changes),
      [[{ table: "T", uuid: A, after: { name: "a" } }], [{ table: "T", uuid: B, after: { name: "b" } }]],
    );
  });

  it("stays silent about a reconnection that changed nothing", async () => {
    await start({
      monitor_cond_since: (message, { send, socket, index }) => {
        send(reply(message, [false, ZERO, { T: { [A]: { initial: { name: "a" } } } }]));
        if (index < 3) socket.end();
      },
    });
    await eventually("connected four times", () => connections.length === 7);
    assert.equal(batches.length, 1);
  });

  it("queues no transaction while there is no connection, and none for an earlier one", async () => {
    let refused = false;
    await start({
      monitor_cond_since: (message, { send, index }) => {
        if (index === 1) refused = true;
        else send(reply(message, [false, ZERO, {}]));
      },
      transact: (message, { send }) => send(reply(message, [{ uuid: ["uuid", A] }])),
    });
    const epoch = replica!.epoch;
    assert.deepEqual(await replica!.transact([insert("T", {})], { epoch }), [{ uuid: A }]);
    server!.connections[0]!.socket.destroy();
    await eventually("the second connection waits", () => refused);
    await assert.rejects(replica!.transact([insert("T", {})]), { code: "E_OVSDB_CLOSED" });
    server!.connections[1]!.socket.destroy();
    await eventually("connected again", () => replica!.connected);
    await assert.rejects(replica!.transact([insert("T", {})], { epoch }), { code: "E_OVSDB_CLOSED" });
    await replica!.transact([insert("T", {})], { epoch: replica!.epoch });
    assert.equal(asked("transact").length, 2);
  });

  it("is repaired after any nonsense, counts it, and ends in the truth without a word to its user", async () => {
    const uuid = fc.constantFrom(A, B);
    const row = fc.dictionary(
      fc.constantFrom("name", "nome"),
      fc.oneof(fc.constantFrom<Json>("a", 1, ["set", []]), fc.jsonValue({ maxDepth: 1 })),
    );
    const kind = fc.constantFrom("insert", "modify", "delete", "initial", "other");
    const rowUpdate = fc.oneof(
      fc.tuple(kind, row).map(([key, columns]) => ({ [key]: columns })),
      fc.jsonValue({ maxDepth: 1 }),
    );
    const updates = fc.dictionary(
      fc.constantFrom("T", "U"),
      fc.oneof(fc.dictionary(uuid, rowUpdate), fc.jsonValue({ maxDepth: 1 })),
    );
    const truth: Json = { T: { [A]: { initial: { name: "a" } }, [B]: { initial: { name: "b" } } } };
    let nonsense: Json[] = [];
    await start({
      monitor_cond_since: (message, { send }) => {
        const [, monitor = null] = message["params"] as Json[];
        send(reply(message, [false, FIRST, truth]));
        for (const one of nonsense.splice(0)) send({ method: "update3", params: [monitor, SECOND, one], id: null });
      },
      echo: (message, { send }) => send(reply(message, [])),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(updates as fc.Arbitrary<Json>, { minLength: 1, maxLength: 4 }), async (lies) => {
        // The last one cannot be true, so the replica must come back for the whole.
        nonsense = [...lies, { T: { [FIRST]: { modify: {} } } }];
        const { epoch } = replica!;
        server!.connections.at(-1)!.socket.destroy();
        await eventually("repaired", () => replica!.connected && replica!.epoch > epoch + 1);
        assert.deepEqual(names().sort(), ["a", "b"]);
      }),
      { numRuns: 60 },
    );
    assert.ok(replica!.statistics.inconsistencies > 0);
  });

  it("leaves a server that is behind what it has seen of the cluster, and one that is cut off", async () => {
    const cluster = "00000000-0000-0000-0000-0000000000c1";
    const make = (index: number, connected = true) =>
      startFakeServer((message, { send }) => {
        const method = String(message["method"]);
        const params = message["params"] as Json[];
        const status = {
          name: "db",
          model: "clustered",
          connected,
          leader: false,
          index,
          cid: ["uuid", cluster],
          schema: JSON.stringify(SCHEMA),
        };
        if (method === "set_db_change_aware") send(reply(message, {}));
        else if (params[0] === "_Server") send(reply(message, { Database: { [A]: { initial: status } } }));
        else if (method === "get_schema") send(reply(message, SCHEMA));
        else send(reply(message, [false, ZERO, { T: { [A]: { initial: { name: `${index}` } } } }]));
      });
    const servers = await Promise.all([make(10), make(9), make(20, false), make(10)]);
    replica = createReplica({
      remote: servers.map(({ remote }) => remote),
      database: "db",
      tables: { T: ["name"] },
      onConnection: (connected) => connections.push(connected),
      backoff: { next: () => 1, reset: () => {} },
    });
    try {
      await replica.whenSynced();
      assert.equal(replica.status?.index, 10n);
      servers[0]!.connections[0]!.socket.destroy();
      await eventually("elsewhere", () => connections.length === 3);
      assert.deepEqual(
        servers.map(({ connections: { length } }) => length),
        [1, 1, 1, 1],
      );
      assert.deepEqual(names(), ["10"]);
    } finally {
      replica.close();
      for (const one of servers) await one.close();
    }
  });

  for (const { what, lasts, resets } of [
    { what: "waits longer and longer for a server that leaves as soon as it has served", lasts: 0, resets: 1 },
    { what: "is soon back at a server that has served for a while", lasts: 1000, resets: 4 },
  ]) {
    it(what, async () => {
      server = await startFakeServer((message, { send, socket, index }) => {
        if (message["method"] === "get_schema") send(reply(message, SCHEMA));
        else if (message["method"] !== "monitor") send(refuse(message, "unknown method"));
        else {
          send(reply(message, { T: {} }));
          if (index < 4) socket.end();
        }
      });
      let counted = 0;
      let time = 0;
      const backoff = { next: () => 1, reset: () => counted++ };
      const options = { remote: server.remote, database: "db", tables: { T: ["name"] }, backoff };
      replica = createReplica(options, () => (time += lasts));
      await eventually("five connections", () => replica!.statistics.full === 5 && replica!.connected);
      assert.equal(counted, resets);
    });
  }

  it("says why there is no connection: a column that the schema lacks, on any server", async () => {
    const answer: Answer = (message, { send }) =>
      send(message["method"] === "get_schema" ? reply(message, SCHEMA) : refuse(message, "unknown method"));
    server = await startFakeServer(answer);
    const second = await startFakeServer(answer);
    const remote = [server.remote, second.remote];
    const backoff = { next: () => 1, reset: () => {} };
    replica = createReplica({ remote, database: "db", tables: { T: ["nome"] }, backoff });
    await eventually("it is said", () => replica!.problem?.message === "T has no column nome; it has name");
    await eventually("both are asked", () => second.connections.length > 1);
    replica.close();
    await second.close();
  });

  it("tries again after a status that it cannot read", async () => {
    const bad: Json[] = [
      { Database: { [A]: { initial: { name: 5 } } } },
      [],
      { Database: { [A]: { initial: { name: "db", schema: "no schema" } } } },
    ];
    await start({
      set_db_change_aware: (message, { send }) => send(reply(message, {})),
      monitor_cond: (message, { send }) => {
        const lie = bad.shift();
        if (lie !== undefined) send(reply(message, lie));
        else send(refuse(message, { error: "unknown database" }));
      },
      monitor_cond_since: (message, { send }) => send(reply(message, [false, ZERO, {}])),
    });
    assert.equal(server!.connections.length, 4);
  });

  it("gives up when told to", async () => {
    const lonely = createReplica({ remote: "unix:/nonexistent", database: "db", tables: { T: [] } });
    await assert.rejects(lonely.whenSynced(AbortSignal.abort(new Error("stop"))), /stop/);
    const waiting = assert.rejects(lonely.whenSynced(), { code: "E_OVSDB_CLOSED" });
    lonely.close();
    await waiting;
  });
});
