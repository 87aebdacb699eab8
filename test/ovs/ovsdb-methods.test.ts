import assert from "node:assert/strict";
import { connectOvsdb, insert, type OvsdbClient, ovsSet, remove, update, wait } from "#ovsdb/index.ts";
import type { MonitorUpdate } from "#ovsdb/monitor.ts";
import type { Json } from "#ovsdb/notation.ts";
import { type OvsdbProcess, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";
import { testSchema } from "#test/ovsdb/support/test-schema.ts";

describe("each method of the protocol, with ovsdb-server", function () {
  this.timeout(20_000);
  let server: OvsdbProcess;
  let client: OvsdbClient;
  let other: OvsdbClient;
  before(async () => {
    server = await startOvsdb({ schemaText: JSON.stringify(testSchema()) });
  });
  after(() => server?.close());
  beforeEach(async () => {
    client = await connectOvsdb({ remote: server.remote });
    other = await connectOvsdb({ remote: server.remote });
  });
  afterEach(async () => {
    await other.transact("Test", [remove("Item", [])]).catch(() => {}); // of a test that has ended the server
    client.close();
    other.close();
  });

  const add = (name: string, count = 0) => other.transact("Test", [insert("Item", { name, count })]);
  /** Column "name" or the kind of update, by what `follow` has been given. */
  const told = ({ updates }: MonitorUpdate) =>
    updates.map(({ update: one }) => `${one.type} ${"columns" in one ? (one.columns["name"] ?? "") : ""}`.trim());

  it("databases, schemas and the server's identity are told", async () => {
    assert.deepEqual([...(await client.listDatabases())].sort(), ["Test", "_Server"]);
    assert.deepEqual([...(await client.getSchema("Test")).tables.keys()], ["Item"]);
    assert.equal(await client.getServerId(), await other.getServerId());
    await assert.rejects(client.getSchema("Nope"), { code: "E_OVSDB_UNKNOWN_DATABASE" });
    await assert.rejects(client.request("dance", []), { code: "E_OVSDB_UNKNOWN_METHOD" });
  });

  it("a transaction that waits is cancelled by its signal, and leaves the connection as it was", async () => {
    const abort = new AbortController();
    const waiting = client.transact(
      "Test",
      [wait("Item", [["name", "==", "never"]], ["name"], "==", [{ name: "never" }]), insert("Item", { name: "late" })],
      { signal: abort.signal },
    );
    await client.echo(); // the wait is at the server by now
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await add("never");
    await client.echo();
    const [found] = await client.transact("Test", [{ op: "select", table: "Item", where: [["name", "==", "late"]] }]);
    assert.deepEqual(found.rows, []);
  });

  for (const method of ["monitor_cond_since", "monitor_cond", "monitor"] as const) {
    it(`${method} tells what is there, what comes, changes and goes, until it is cancelled`, async () => {
      await add("a");
      const updates: MonitorUpdate[] = [];
      const monitor = await client.monitor(
        "Test",
        { Item: { columns: ["name", "count"] } },
        (one) => updates.push(one),
        { methods: [method] },
      );
      assert.equal(monitor.method, method);
      await add("b");
      await other.transact("Test", [update("Item", [["name", "==", "a"]], { count: 7 })]);
      await other.transact("Test", [remove("Item", [["name", "==", "b"]])]);
      await client.echo(); // the server answers behind what it tells
      const changed = method === "monitor" ? "set a" : "diff";
      assert.deepEqual(updates.map(told), [["insert a"], ["insert b"], [changed], ["delete"]]);
      assert.deepEqual(
        updates.map(({ complete }) => complete),
        [true, false, false, false],
      );
      await monitor.cancel();
      await add("c");
      await client.echo();
      assert.equal(updates.length, 4);
      await assert.rejects(monitor.cancel(), { code: "E_OVSDB_UNKNOWN_MONITOR" });
    });
  }

  it("a monitor tells only the kinds of change that it was asked for", async () => {
    await add("a");
    const updates: MonitorUpdate[] = [];
    const select = { initial: false, modify: false, delete: false };
    await client.monitor("Test", { Item: { select } }, (one) => updates.push(one));
    await add("b");
    await other.transact("Test", [update("Item", [], { tags: ovsSet(["x"]) }), remove("Item", [["name", "==", "a"]])]);
    await client.echo();
    assert.deepEqual(updates.map(told), [[], ["insert b"]]);
  });

  it("conditions that change bring and take rows in one update, before the change is answered", async () => {
    await other.transact(
      "Test",
      ["a", "b", "c", "d"].map((name, count) => insert("Item", { name, count })),
    );
    const updates: MonitorUpdate[] = [];
    const where = [["count", "<", 2]] as const;
    const monitor = await client.monitor("Test", { Item: { columns: ["name"], where } }, (one) => updates.push(one));
    await monitor.changeConditions({ Item: [["count", ">", 0]] });
    assert.equal(updates.length, 2);
    assert.deepEqual(told(updates[1]!).sort(), ["delete", "insert c", "insert d"]);
    await monitor.changeConditions({ Item: false });
    assert.deepEqual(told(updates[2]!), ["delete", "delete", "delete"]);
    await monitor.changeConditions({ Item: [] });
    assert.equal(updates[3]!.updates.length, 4);
    await assert.rejects(monitor.changeConditions({ Nope: [] }), { code: "E_OVSDB_SYNTAX" });
  });

  it("a lock is queued for, told when it is free, stolen, and given back", async () => {
    const changes: string[] = [];
    const mine = await client.lock("l", { onChange: (held) => changes.push(`mine ${held}`) });
    const theirs = await other.lock("l", { onChange: (held) => changes.push(`theirs ${held}`) });
    assert.deepEqual([mine.held, theirs.held], [true, false]);
    await assert.rejects(client.lock("l"), { code: "E_OVSDB_VALUE" });
    await assert.rejects(other.transact("Test", [{ op: "assert", lock: "l" }]), { code: "E_OVSDB_NOT_OWNER" });
    await mine.unlock();
    await other.echo();
    assert.equal(theirs.held, true);
    await other.transact("Test", [{ op: "assert", lock: "l" }]);
    const again = await client.lock("l", { steal: true, onChange: (held) => changes.push(`mine ${held}`) });
    await other.echo();
    assert.deepEqual([again.held, theirs.held], [true, false]);
    assert.deepEqual(changes, ["theirs true", "theirs false"]);
  });

  it("a lock that is no longer wanted is not held in silence", async () => {
    const abort = new AbortController();
    const unwanted = client.lock("m", { signal: abort.signal });
    queueMicrotask(() => queueMicrotask(() => abort.abort(new Error("enough"))));
    await assert.rejects(unwanted, /enough/);
    await client.echo();
    assert.equal((await other.lock("m")).held, true);
  });

  it("a conversion is told to who asked to be told, and ends the connections of the others", async () => {
    await client.setDatabaseChangeAware(true);
    await add("a");
    const { promise: canceled, resolve } = Promise.withResolvers<void>();
    await client.monitor("Test", { Item: { columns: ["old"] } }, () => {}, { onCanceled: resolve });
    await other.getSchema("Test");
    await client.convert("Test", testSchema(2) as Json);
    await canceled;
    assert.ok((await other.closed) instanceof Error);
    const [found] = await client.transact("Test", [
      { op: "select", table: "Item", where: [], columns: ["name", "young"] },
    ]);
    assert.deepEqual(found.rows, [{ name: "a", young: "" }]);
    await client.transact("Test", [remove("Item", [])]);
    await client.convert("Test", testSchema(1) as Json);
  });

  it("a frozen server is noticed by its silence, and what was in flight is said to be uncertain", async () => {
    const patient = await connectOvsdb({ remote: server.remote, inactivityProbe: 50 });
    await patient.getSchema("Test");
    server.signal("SIGSTOP");
    try {
      const lost = patient.transact("Test", [insert("Item", { name: "perhaps" })]);
      await assert.rejects(lost, (error: { code?: string; details?: { uncertain?: boolean } }) => {
        assert.deepEqual([error.code, error.details?.uncertain], ["E_OVSDB_CLOSED", true]);
        return true;
      });
      assert.equal(((await patient.closed) as { code?: string }).code, "E_OVSDB_INACTIVE");
    } finally {
      server.signal("SIGCONT");
    }
  });
});
