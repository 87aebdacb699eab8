import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import {
  connectOvsdb,
  createReplica,
  insert,
  type Operation,
  type OvsdbClient,
  ovsMap,
  ovsSet,
  type Replica,
  type ReplicaBatch,
  type ReplicaOptions,
  remove,
  update,
} from "#ovsdb/index.ts";
import type { Json } from "#ovsdb/notation.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";
import { type OvsdbProcess, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";
import { type RefusingProxy, startRefusingProxy } from "#test/ovsdb/support/refusing-proxy.ts";
import { testSchema } from "#test/ovsdb/support/test-schema.ts";

const COLUMNS = ["name", "count", "tags", "ids"] as const;

describe("a replica of ovsdb-server", function () {
  this.timeout(20_000);
  let server: OvsdbProcess;
  let writer: OvsdbClient;
  let proxy: RefusingProxy | undefined;
  let replica: Replica<"Item">;
  const batches: ReplicaBatch[] = [];
  const connections: boolean[] = [];

  beforeEach(async () => {
    server = await startOvsdb({ schemaText: JSON.stringify(testSchema()) });
    writer = await connectOvsdb({ remote: server.remote });
    batches.length = 0;
    connections.length = 0;
  });
  afterEach(async () => {
    replica?.close();
    writer.close();
    await proxy?.close();
    proxy = undefined;
    await server.close();
  });

  async function follow(options: Partial<ReplicaOptions<"Item">> = {}): Promise<Replica<"Item">> {
    replica = createReplica({
      remote: server.remote,
      database: "Test",
      tables: { Item: COLUMNS },
      backoff: { next: () => 1, reset: () => {} },
      onBatch: (batch) => batches.push(batch),
      onConnection: (connected) => connections.push(connected),
      ...options,
    });
    await replica.whenSynced();
    return replica;
  }

  const add = (...names: string[]) =>
    writer.transact(
      "Test",
      names.map((name, count) => insert("Item", { name, count })),
    );
  const names = () => [...replica.tables.Item.values()].map((row) => row["name"]).sort();
  /** "+new", "-gone", "~changed": what a batch says, by name. */
  const said = ({ changes }: ReplicaBatch) =>
    changes
      .map(
        ({ before, after }) =>
          `${before === undefined ? "+" : after === undefined ? "-" : "~"}${(after ?? before)!["name"]}`,
      )
      .sort();

  it("gives one batch for each transaction, and the indexes agree with it", async () => {
    const found: number[] = [];
    await add("a", "b");
    await follow({
      indexes: { Item: [["name"], ["count", "ids:zone"], ["tags"]] },
      onBatch: (batch) => {
        batches.push(batch);
        if (replica !== undefined) found.push(replica.find("Item", { name: "c" }).size);
      },
    });
    await add("c", "d");
    await writer.transact("Test", [
      update("Item", [["name", "==", "a"]], { tags: ovsSet(["x", "y"]), ids: ovsMap({ zone: "z" }) }),
      remove("Item", [["name", "==", "b"]]),
    ]);
    await eventually("three batches", () => batches.length === 3);
    assert.deepEqual(batches.map(said), [
      ["+a", "+b"],
      ["+c", "+d"],
      ["-b", "~a"],
    ]);
    assert.deepEqual(found.slice(-2), [1, 1]);
    const of = (key: Parameters<typeof replica.find>[1]) =>
      [...replica.find("Item", key).values()].map((row) => row["name"]);
    assert.deepEqual(of({ "ids:zone": "z", count: 0 }), ["a"]);
    assert.deepEqual(of({ "ids:zone": undefined, count: 1 }), ["d"]);
    assert.deepEqual([of({ tags: "y" }), of({ tags: "z" }), of({ name: "b" })], [["a"], [], []]);
    assert.throws(() => replica.find("Item", { count: 1 }), { code: "E_OVSDB_VALUE" });
  });

  it("comes back from a server that was killed and started, with one batch of what changed meanwhile", async () => {
    await add("a", "b");
    await follow();
    await server.kill();
    await eventually("it knows", () => !replica.connected);
    assert.deepEqual(names(), ["a", "b"]);
    const refused = replica.transact([insert("Item", { name: "never" })]);
    await assert.rejects(refused, (error: { code?: string; details?: { uncertain?: boolean } }) => {
      assert.deepEqual([error.code, error.details?.uncertain], ["E_OVSDB_CLOSED", false]);
      return true;
    });
    const c = { op: "insert", table: "Item", row: { name: "c" } };
    const noA = { op: "delete", table: "Item", where: [["name", "==", "a"]] };
    for (const one of [[c], [noA, { ...c, row: { name: "d" } }]]) {
      execFileSync("ovsdb-tool", ["transact", `${server.directory}/conf.db`, JSON.stringify(["Test", ...one])]);
    }
    await server.start();
    await eventually("it is back", () => replica.connected);
    assert.deepEqual(connections, [true, false, true]);
    assert.deepEqual(batches.slice(1).map(said), [["+c", "+d", "-a"]]);
  });

  it("conditions that change bring and take rows in one batch, and hold after a reconnect", async () => {
    await add("a", "b", "c", "d");
    await follow({ tables: { Item: { columns: COLUMNS, where: [["count", "<", 2]] } } });
    assert.deepEqual(names(), ["a", "b"]);
    const epoch = replica.epoch;
    await replica.setConditions({ Item: [["count", ">", 0]] });
    assert.deepEqual(names(), ["b", "c", "d"]);
    assert.deepEqual(batches.map(said), [
      ["+a", "+b"],
      ["+c", "+d", "-a"],
    ]);
    assert.equal(replica.epoch, epoch);
    const wanted = [replica.setConditions({ Item: false }), replica.setConditions({ Item: [["name", "==", "d"]] })];
    await Promise.all(wanted);
    assert.deepEqual(names(), ["d"]);
    await server.kill();
    await eventually("it knows", () => !replica.connected);
    const later = replica.setConditions({ Item: [["name", "==", "a"]] });
    await server.start();
    await later;
    assert.deepEqual(names(), ["a"]);
    assert.deepEqual(said(batches.at(-1)!), ["+a", "-d"]);
  });

  it("conditions that the server refuses are rejected, and the ones before stay", async () => {
    await add("a", "b");
    await follow({ tables: { Item: { columns: COLUMNS, where: [["name", "==", "a"]] } } });
    await assert.rejects(replica.setConditions({ Item: [["nome", "==", "a"]] }), { code: "E_OVSDB_SYNTAX" });
    await eventually("connected again", () => replica.connected && replica.epoch === 2);
    assert.deepEqual(names(), ["a"]);
    assert.equal(batches.length, 1);
  });

  it("a conversion of the schema gives one batch, in the new schema's terms", async () => {
    await add("a", "b");
    await follow({ tables: { Item: ["name", "count"] } });
    await writer.setDatabaseChangeAware(true);
    const optional = testSchema(2);
    const items = (optional["tables"] as { Item: { columns: Record<string, unknown> } }).Item;
    items.columns["count"] = { type: { key: "integer", min: 0, max: 2 } };
    await writer.convert("Test", optional as Json);
    await eventually("converted", () => replica.connected && batches.length === 2);
    assert.deepEqual(said(batches[1]!), ["~a", "~b"]);
    const counts = [...replica.tables.Item.values()].map((row) => [row["name"], row["count"]]);
    assert.deepEqual(
      new Map(counts as [string, unknown][]),
      new Map([
        ["a", [0]],
        ["b", [1]],
      ]),
    );
    await add("c");
    await eventually("it follows", () => names().join() === "a,b,c");
  });

  it("a database that is taken away and added again is waited for on the same connection, and read as one batch", async () => {
    await add("a", "b");
    await follow();
    await server.appctl("ovsdb-server/remove-db", "Test");
    await eventually("it knows", () => !replica.connected && /no database Test/.test(replica.problem?.message ?? ""));
    assert.deepEqual(names(), ["a", "b"]);
    await server.appctl("ovsdb-server/add-db", `${server.directory}/conf.db`);
    await eventually("it is back", () => replica.connected);
    assert.equal(replica.problem, undefined);
    assert.equal(batches.length, 1);
    const again = await connectOvsdb({ remote: server.remote, database: "Test" });
    await again.transact("Test", [insert("Item", { name: "c" })]);
    await eventually("it follows", () => names().join() === "a,b,c");
    again.close();
    await assert.rejects(connectOvsdb({ remote: server.remote, database: "Nope" }), {
      code: "E_OVSDB_UNKNOWN_DATABASE",
    });
  });

  const older = {
    monitor_cond_since: [],
    "monitor_cond, of Open vSwitch 2.6": ["monitor_cond_since"],
    "monitor, of the RFC, without _Server": ["monitor_cond_since", "monitor_cond", "set_db_change_aware"],
  };
  for (const [what, refused] of Object.entries(older)) {
    it(`holds what the server holds after any history of transactions and cuts, with ${what}`, async () => {
      proxy = await startRefusingProxy(server.remote.slice("unix:".length), refused);
      await follow({ remote: proxy.remote });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(fc.constant("cut" as const), transaction), { maxLength: 12 }),
          async (steps) => {
            for (const step of steps) {
              if (step === "cut") proxy?.cut();
              else await writer.transact("Test", step).catch(ignoreDuplicate);
            }
            const truth = await readAll(server.remote);
            await eventually("it has caught up", () => {
              assert.ok(replica.connected);
              assert.deepEqual(byName(replica.tables.Item.values()), truth);
            });
          },
        ),
        { numRuns: 25 },
      );
      assert.equal(replica.statistics.inconsistencies, 0);
      const asked = new Set(proxy.asked.filter((method) => method.startsWith("monitor")));
      for (const method of refused.filter((one) => one.startsWith("monitor"))) assert.ok(asked.has(method));
    });
  }
});

const name = fc.constantFrom("a", "b", "c", "d", "e");
const word = fc.constantFrom("x", "y", "z");
const row = fc.record({
  count: fc.option(fc.integer({ min: -5, max: 5 })).map((count) => (count === null ? ovsSet([]) : count)),
  tags: fc.uniqueArray(word).map(ovsSet),
  ids: fc.dictionary(word, word).map(ovsMap),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(name, row).map(([text, columns]) => insert("Item", { name: text, ...columns })),
  fc.tuple(name, row).map(([text, columns]) => update("Item", [["name", "==", text]], columns)),
  name.map((text) => remove("Item", [["name", "==", text]])),
);
const transaction = fc.array(operation, { minLength: 1, maxLength: 4 });

/** Names are an index: a second insert of one is refused, and nothing is done. */
function ignoreDuplicate(error: { code?: string }): void {
  if (error.code !== "E_OVSDB_CONSTRAINT") throw error;
}

/** The truth, by a replica that is made for it. */
async function readAll(remote: string): Promise<unknown[]> {
  const fresh = createReplica({ remote, database: "Test", tables: { Item: COLUMNS } });
  await fresh.whenSynced();
  fresh.close();
  return byName(fresh.tables.Item.values());
}

function byName(rows: Iterable<Readonly<Record<string, unknown>>>): unknown[] {
  return [...rows].sort((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1));
}
