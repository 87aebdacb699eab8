import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { connectOvsdb, insert, OvsdbError, update } from "#ovsdb/index.ts";
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
      if (message["method"] === "cancel") connection.send(refuse({ id: 1 }, "canceled"));
      if (message["method"] === "echo") connection.send(reply(message, []));
    });
    const abort = new AbortController();
    const transaction = client.transact("db", [insert("T", {})], { signal: abort.signal });
    await eventually("sent", () => server!.connections[0]?.received.length === 1);
    abort.abort(new Error("enough"));
    await assert.rejects(transaction, /enough/);
    await client.echo();
    const messages = server!.connections[0]!.received;
    assert.deepEqual(messages[1], { method: "cancel", params: [1], id: null });
    await assert.rejects(client.echo({ signal: abort.signal }), /enough/);
    client.close();
  });

  it("reports a transaction as uncertain when the connection goes before its reply", async () => {
    const client = await connect((_message, { socket }) => socket.destroy());
    await assert.rejects(client.transact("db", [insert("T", {})]), { code: "E_OVSDB_CLOSED" });
    assert.ok((await client.closed) instanceof OvsdbError);
  });

  it("names the operation that failed, the table and the column", async () => {
    const answers: Record<string, (message: Parameters<Answer>[0]) => ReturnType<typeof reply>> = {
      transact: (message) =>
        reply(message, [{}, { error: "constraint violation", details: "7 is not in range" }, null]),
      get_schema: (message) => reply(message, SCHEMA),
    };
    const client = await connect((message, { send }) => send(answers[String(message["method"])]!(message)));
    const operations = [update("T", [], {}), update("T", [], { a: 1, b: 7 }), update("T", [], {})];
    await assert.rejects(client.transact("db", operations), (error) => {
      assert.ok(error instanceof OvsdbError);
      assert.equal(error.code, "E_OVSDB_CONSTRAINT");
      assert.equal(
        error.message,
        "update of T (operation 2 of 3) was refused: constraint violation: 7 is not in range (column b should hold an integer of 1..5)",
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
