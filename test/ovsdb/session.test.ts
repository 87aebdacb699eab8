import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { connectOvsdb, insert, type Json, OvsdbError, update } from "#ovsdb/index.ts";
import { printJson } from "#ovsdb/json-text.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";
import { type Answer, type FakeServer, refuse, reply, startFakeServer } from "#test/ovsdb/support/fake-server.ts";

describe("a connection", () => {
  let server: FakeServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function connect(answer: Answer, inactivityProbe = 0) {
    server = await startFakeServer(answer);
    return connectOvsdb({ remote: server.remote, inactivityProbe });
  }

  it("matches replies to requests by id, in whatever order they come", async () => {
    const held: Parameters<Answer>[0][] = [];
    const client = await connect((message, connection) => {
      held.push(message);
      if (held.length < 3) return;
      for (const one of held.reverse()) connection.send(reply(one, one["params"] ?? null));
    });
    const results = await Promise.all(["a", "b", "c"].map((text) => client.request("x", [text])));
    assert.deepEqual(results, [["a"], ["b"], ["c"]]);
    client.close();
  });

  it("answers the server's echo, and says that it knows no other method", async () => {
    const client = await connect(() => {});
    await eventually("connected", () => server!.connections.length === 1);
    const [connection] = server!.connections;
    connection!.send({ method: "echo", params: ["ping", 1], id: "echo" });
    connection!.send({ method: "dance", params: [], id: 7 });
    await eventually("two answers", () => connection!.received.length === 2);
    assert.deepEqual(connection!.received, [
      { result: ["ping", 1], error: null, id: "echo" },
      { result: null, error: { error: "unknown method", details: "dance" }, id: 7 },
    ]);
    client.close();
  });

  it("reads replies that come byte by byte", async () => {
    const client = await connect(async (message, { socket }) => {
      socket.setNoDelay(true);
      for (const byte of Buffer.from(printJson(reply(message, ["日本", { "}": "{" }])))) {
        socket.write(Buffer.of(byte));
        await turn();
      }
    });
    assert.deepEqual(await client.request("x", []), ["日本", { "}": "{" }]);
    client.close();
  });

  it("ends, and rejects what is in flight, when the server stops answering", async () => {
    const client = await connect(() => {}, 20);
    const request = assert.rejects(client.request("x", []), { code: "E_OVSDB_CLOSED" });
    const reason = await client.closed;
    assert.ok(reason instanceof OvsdbError && reason.code === "E_OVSDB_INACTIVE");
    await request;
    const methods = server!.connections[0]!.received.map((message) => message["method"]);
    assert.deepEqual(methods, ["x", "echo"]);
    await assert.rejects(client.echo(), { code: "E_OVSDB_CLOSED" });
  });

  it("waits for a slow server that still answers echoes", async () => {
    let asked: Parameters<Answer>[0] | undefined;
    let echoes = 0;
    const client = await connect((message, connection) => {
      if (message["method"] === "x") asked = message;
      else if (++echoes < 5) connection.send(reply(message, message["params"] ?? null));
      else connection.send(reply(asked!, "late"));
    }, 20);
    assert.equal(await client.request("x", []), "late");
    client.close();
    assert.equal(await client.closed, undefined);
  });

  it("ends over garbage and over replies to requests that were never made", async () => {
    for (const garbage of ["hello", '{"a":1}', '{"id":99,"result":1}', '{"id":0,"error":null,"result":1}', "{]}"]) {
      const client = await connect((_message, { socket }) => socket.write(garbage));
      await assert.rejects(client.request("x", []), { code: "E_OVSDB_CLOSED" });
      const reason = await client.closed;
      assert.ok(reason instanceof OvsdbError && reason.code === "E_OVSDB_PROTOCOL", `${garbage}: ${reason}`);
      await server?.close();
    }
    server = undefined;
  });

  it("rejects with the signal's reason, cancels the transaction and ignores its late reply", async () => {
    const client = await connect((message, connection) => {
      if (message["method"] === "get_schema") connection.send(reply(message, SCHEMA));
      if (message["method"] === "cancel") connection.send(refuse({ id: 2 }, "canceled"));
      if (message["method"] === "echo") connection.send(reply(message, []));
    });
    const abort = new AbortController();
    const transaction = client.transact("db", [insert("T", { b: 1 })], { signal: abort.signal });
    await eventually("sent", () => server!.connections[0]?.received.length === 2);
    abort.abort(new Error("enough"));
    await assert.rejects(transaction, /enough/);
    await client.echo();
    const messages = server!.connections[0]!.received;
    assert.deepEqual(messages[2], { method: "cancel", params: [2], id: null });
    await assert.rejects(client.echo({ signal: abort.signal }), /enough/);
    client.close();
  });

  it("takes back what is given up before it was written, and sends no cancel for it", async () => {
    const client = await connect((message, { send }) => send(reply(message, [])));
    const abort = new AbortController();
    const request = client.request("x", [], { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(request, /enough/);
    await client.echo();
    assert.deepEqual(
      server!.connections[0]!.received.map((message) => message["method"]),
      ["echo"],
    );
    client.close();
  });

  it("says of everything in flight when the connection goes whether it may have been carried out", async () => {
    const client = await connect((message, { send, socket }) => {
      if (message["method"] === "get_schema") send(reply(message, SCHEMA));
      else socket.destroy();
    });
    const fateOf = (request: Promise<unknown>) =>
      request.then(
        () => "answered",
        (error: OvsdbError) => `${error.code} ${error.details["uncertain"]}`,
      );
    const sent = fateOf(client.transact("db", [insert("T", { b: 1 })]));
    assert.equal(await sent, "E_OVSDB_CLOSED true");
    assert.ok((await client.closed) instanceof OvsdbError);
    assert.equal(await fateOf(client.transact("db", [insert("T", { b: 1 })])), "E_OVSDB_CLOSED false");

    await server?.close();
    const another = await connect(() => {});
    const unsent = fateOf(another.request("x", []));
    another.close();
    assert.equal(await unsent, "E_OVSDB_CLOSED false");
  });

  it("tells whom to wait while a server reads slower than is written, and loses nothing", async () => {
    let seen = 0;
    const client = await connect((message, { send, socket }) => {
      if (++seen === 1) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
      send(reply(message, seen));
    });
    const text = "x".repeat(50_000);
    const replies: Promise<unknown>[] = [];
    let waits = 0;
    for (let i = 0; i < 100; i++) {
      replies.push(client.request("x", [text]));
      let writable = false;
      void client.whenWritable().then(() => (writable = true));
      await Promise.resolve();
      if (!writable) waits++;
      await client.whenWritable();
    }
    assert.deepEqual(
      await Promise.all(replies),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.ok(waits > 0, "five megabytes went out without a wait");
    client.close();
  });

  it("ends when the server asks on and on without reading our answers", async () => {
    const client = await connect(() => {});
    await eventually("connected", () => server!.connections.length === 1);
    const { socket } = server!.connections[0]!;
    socket.pause();
    const echo = printJson({ method: "echo", params: ["x".repeat(50_000)], id: "e" });
    const asking = setInterval(() => socket.write(echo.repeat(20)), 1);
    const reason = await client.closed;
    clearInterval(asking);
    assert.ok(reason instanceof OvsdbError && reason.code === "E_OVSDB_PROTOCOL", String(reason));
  });

  it("takes no message beyond its limit, and none that nests without end", async () => {
    const endless = [`{"id":null,"method":"update","params":["${"x".repeat(2000)}`, `{"a":${"[".repeat(2000)}`];
    for (const text of endless) {
      server = await startFakeServer((_message, { socket }) => socket.write(text));
      const client = await connectOvsdb({ remote: server.remote, messageLimit: 1500 });
      client.echo().catch(() => {}); // makes the server speak
      const reason = await client.closed;
      assert.ok(reason instanceof OvsdbError && reason.code === "E_OVSDB_PROTOCOL", String(reason));
      await server.close();
    }
    server = undefined;
  });

  it("ends over a lock's reply that is none, and throws nowhere else", async () => {
    const client = await connect((message, { send }) => send(reply(message, "yes")));
    const lock = client.lock("l").catch((error: Error) => error);
    const reason = await client.closed;
    assert.ok(reason instanceof OvsdbError && reason.code === "E_OVSDB_PROTOCOL", String(reason));
    await lock;
  });

  it("survives whatever a server says: every request settles, and nothing is thrown elsewhere", async () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    const id = fc.oneof(fc.integer({ min: -1, max: 8 }), fc.constant(null), fc.string());
    const uuids = fc.constantFrom("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
    const table = fc.dictionary(uuids, fc.oneof(json, fc.record({ initial: json }), fc.record({ modify: json })));
    const updates = fc.oneof(json, fc.record({ T: table }, { requiredKeys: [] }));
    const message: fc.Arbitrary<Json> = fc.oneof(
      json,
      fc.record({ id, result: json, error: json }, { requiredKeys: ["id"] }),
      fc.record({ id, result: fc.tuple(fc.boolean(), uuids, updates), error: fc.constant(null) }),
      fc.record({
        id: fc.constant(null),
        method: fc.constantFrom("update", "update2", "update3", "locked", "stolen", "monitor_canceled", "echo", "x"),
        params: fc.oneof(fc.array(json), fc.tuple(fc.constantFrom("weir-1", "l"), fc.oneof(uuids, updates), updates)),
      }),
    ) as fc.Arbitrary<Json>;
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
        const fake = await startFakeServer((_message, { send, received, socket }) => {
          if (received.length > 1) return;
          for (const one of messages) send(one);
          socket.end();
        });
        const client = await connectOvsdb({ remote: fake.remote, inactivityProbe: 0 });
        const settled = await Promise.allSettled([
          client.getSchema("db"),
          client.monitor("db", { T: { columns: ["a"] } }, () => {}),
          client.lock("l"),
          client.listDatabases(),
          client.transact("db", [insert("T", { b: 1 })]),
          client.getServerId(),
        ]);
        for (const one of settled) if (one.status === "rejected") assert.ok(one.reason instanceof OvsdbError);
        await client.closed;
        await fake.close();
      }),
      { numRuns: 150 },
    );
  });

  it("names the operation that the server refuses, the table and the column", async () => {
    const answers: Record<string, (message: Parameters<Answer>[0]) => ReturnType<typeof reply>> = {
      transact: (message) =>
        reply(message, [{}, { error: "constraint violation", details: 'the value 4 of column "b" is taken' }, null]),
      get_schema: (message) => reply(message, SCHEMA),
    };
    const client = await connect((message, { send }) => send(answers[String(message["method"])]!(message)));
    const operations = [update("T", [], {}), update("T", [], { a: 1, b: 4 }), update("T", [], {})];
    await assert.rejects(client.transact("db", operations), (error) => {
      assert.ok(error instanceof OvsdbError);
      assert.equal(error.code, "E_OVSDB_CONSTRAINT");
      assert.equal(
        error.message,
        'update of T (operation 2 of 3) was refused: constraint violation: the value 4 of column "b" is taken',
      );
      const { operation, op, table, column } = error.details;
      assert.deepEqual({ operation, op, table, column }, { operation: 1, op: "update", table: "T", column: "b" });
      return true;
    });
    client.close();
  });

  it("tries remotes in order, and tells all reasons when none answers", async () => {
    server = await startFakeServer(() => {});
    const client = await connectOvsdb({ remote: `unix:/nonexistent/db.sock,${server.remote}` });
    assert.equal(client.remote, server.remote);
    client.close();
    await assert.rejects(connectOvsdb({ remote: ["unix:/nonexistent/a", "unix:/nonexistent/b"] }), /a.*b/);
    for (const bad of ["", "db.sock", "tcp:", "tcp:host:99999", "http://x", "unix:"]) {
      await assert.rejects(connectOvsdb({ remote: bad }), { code: "E_OVSDB_VALUE" });
    }
    await assert.rejects(connectOvsdb({ remote: server.remote, signal: AbortSignal.abort(new Error("stop")) }), /stop/);
  });

  it("gives up on a server that takes the connection and does not say what it has, by time or by signal", async () => {
    server = await startFakeServer(() => {});
    const { remote } = server;
    const silent = connectOvsdb({ remote, database: "db", connectTimeout: 20 });
    await assert.rejects(silent, /no answer within 20 ms/);
    const abort = new AbortController();
    const unwanted = connectOvsdb({ remote, database: "db", signal: abort.signal });
    await eventually("asked", () => server!.connections[1]?.received.length === 1);
    abort.abort(new Error("enough"));
    await assert.rejects(unwanted, /enough/);
    await eventually("closed", () => server!.connections.every(({ socket }) => socket.closed));
  });

  it("closes the socket when it is closed", async () => {
    const client = await connect(() => {});
    await eventually("connected", () => server!.connections.length === 1);
    const gone = once(server!.connections[0]!.socket, "close");
    client.close();
    await gone;
    assert.equal(await client.closed, undefined);
  });
});

const SCHEMA = {
  name: "db",
  version: "1.0.0",
  tables: {
    T: {
      columns: {
        a: { type: "integer" },
        b: { type: { key: { type: "integer", minInteger: 1, maxInteger: 5 } } },
      },
    },
  },
};
