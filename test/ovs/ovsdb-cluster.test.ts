import assert from "node:assert/strict";
import {
  connectOvsdb,
  createReplica,
  insert,
  type Replica,
  type ReplicaBatch,
  type ReplicaOptions,
} from "#ovsdb/index.ts";
import type { Json } from "#ovsdb/notation.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";
import { type RaftCluster, type RaftMember, startCluster } from "#test/ovsdb/support/raft-cluster.ts";
import { testSchema } from "#test/ovsdb/support/test-schema.ts";

describe("a clustered database", function () {
  this.timeout(60_000);
  let cluster: RaftCluster;
  const replicas: Replica<"Item">[] = [];

  beforeEach(async () => {
    cluster = await startCluster(testSchema());
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) replica.close();
    await cluster.close();
  });

  async function follow(options: Partial<ReplicaOptions<"Item">> = {}) {
    const batches: ReplicaBatch[] = [];
    const replica = createReplica({
      remote: cluster.remote,
      database: "Test",
      tables: { Item: ["name"] },
      onBatch: (batch) => batches.push(batch),
      ...options,
    });
    replicas.push(replica);
    await replica.whenSynced();
    return { replica, batches };
  }

  /** By a member that is not the one that a test plays with. */
  async function add(...names: string[]): Promise<void> {
    await eventually(`${names} are added`, async () => {
      const client = await connectOvsdb({ remote: cluster.remote, database: "Test", leaderOnly: true });
      try {
        await client.transact(
          "Test",
          names.map((name) => insert("Item", { name })),
        );
      } finally {
        client.close();
      }
    });
  }

  const names = (replica: Replica<"Item">) => [...replica.tables.Item.values()].map((row) => row["name"]).sort();
  const said = ({ changes }: ReplicaBatch) => changes.map(({ after }) => `${after?.["name"]}`).sort();
  const others = (member: RaftMember) => cluster.members.filter((one) => one !== member);

  it("is followed at its leader, moves with it, and brings only what was missed", async () => {
    await add("a");
    const { replica, batches } = await follow({ leaderOnly: true });
    const first = await cluster.leader();
    assert.equal(replica.status?.leader, true);
    assert.deepEqual(replica.status?.model, "clustered");
    await first.kill();
    await eventually("it knows", () => !replica.connected);
    await add("b", "c");
    await eventually("it follows the next leader", () => replica.connected && names(replica).join() === "a,b,c");
    const second = await cluster.leader();
    assert.notEqual(second, first);
    assert.equal(replica.status?.leader, true);
    assert.deepEqual(batches.map(said), [["a"], ["b", "c"]]);
    assert.deepEqual({ ...replica.statistics }, { full: 1, resumed: 1, inconsistencies: 0 });
    await replica.transact([insert("Item", { name: "d" })]);
    await first.start();
    await eventually("all three know all", async () => {
      for (const { remote } of cluster.members) {
        const client = await connectOvsdb({ remote, database: "Test" });
        const [found] = await client.transact("Test", [{ op: "select", table: "Item", where: [] }]);
        client.close();
        if (found.rows.length !== 4) return false;
      }
      return true;
    });
  });

  it("leadership that is handed over while all live moves the client, too", async () => {
    await add("a");
    const { replica, batches } = await follow({ leaderOnly: true });
    const first = await cluster.leader();
    const before = replica.status?.serverId;
    await first.appctl("cluster/failure-test", "transfer-leadership");
    await eventually("another leads and is followed", () => replica.connected && replica.status?.serverId !== before);
    assert.equal(replica.status?.leader, true);
    await replica.transact([insert("Item", { name: "b" })]);
    assert.deepEqual(names(replica), ["a", "b"]);
    assert.equal(batches.length, 2);
    assert.equal(replica.statistics.full, 1);
  });

  it("a member that is cut off from the majority is left, and come back to nobody as long as it is", async () => {
    await add("a");
    const leader = await cluster.leader();
    const [one, two] = others(leader);
    const alone = createReplica({ remote: one!.remote, database: "Test", tables: { Item: ["name"] } });
    replicas.push(alone);
    await alone.whenSynced();
    await leader.kill();
    await two!.kill();
    await eventually("it is left", () => !alone.connected && /cut off/.test(alone.problem?.message ?? ""));
    await assert.rejects(connectOvsdb({ remote: one!.remote, database: "Test" }), { code: "E_OVSDB_CLUSTER" });
    assert.deepEqual(names(alone), ["a"]);
    await two!.start();
    await eventually("a majority is back", () => alone.connected);
    await add("b");
    await eventually("it follows", () => names(alone).join() === "a,b");
    assert.equal(alone.statistics.full, 1);
  });

  it("a follower serves who does not ask for the leader, and refuses who does", async () => {
    const leader = await cluster.leader();
    const [follower] = others(leader);
    const { replica } = await follow({ remote: follower!.remote });
    assert.equal(replica.status?.leader, false);
    await replica.transact([insert("Item", { name: "a" })]);
    assert.deepEqual(names(replica), ["a"]);
    await assert.rejects(connectOvsdb({ remote: follower!.remote, database: "Test", leaderOnly: true }), {
      code: "E_OVSDB_NOT_LEADER",
    });
    const client = await connectOvsdb({ remote: cluster.remote, database: "Test", leaderOnly: true });
    assert.equal(client.remote, leader.remote);
    await leader.appctl("cluster/failure-test", "transfer-leadership");
    assert.equal(((await client.closed) as { code?: string } | undefined)?.code, "E_OVSDB_NOT_LEADER");
  });

  it("a conversion reaches the replica as one batch", async () => {
    await add("a");
    const { replica, batches } = await follow();
    const client = await connectOvsdb({ remote: cluster.remote, database: "Test" });
    const epoch = replica.epoch;
    await client.convert("Test", testSchema(2) as Json);
    client.close();
    await eventually("read anew", () => replica.connected && replica.epoch > epoch);
    assert.equal(replica.status?.schema?.version, "2.0.0");
    assert.equal(batches.length, 1);
    await add("b");
    await eventually("it follows", () => names(replica).join() === "a,b");
  });

  it("is held true through deaths and returns of its members, at the leader and anywhere", async () => {
    const everywhere = [
      await follow({ leaderOnly: true }),
      await follow(),
      await follow({ remote: cluster.members[2]!.remote }),
    ];
    for (let round = 0; round < 4; round++) {
      const leader = await cluster.leader();
      const victim = round % 2 === 0 ? leader : others(leader)[0]!;
      await add(`before-${round}`);
      await victim.kill();
      await add(`without-${round}`, `also-without-${round}`);
      await victim.start();
      await add(`after-${round}`);
    }
    const { replica: truth } = await follow({ leaderOnly: true });
    assert.equal(truth.tables.Item.size, 16);
    for (const { replica } of everywhere) {
      await eventually("they agree", () => {
        assert.ok(replica.connected);
        assert.deepEqual(new Map(replica.tables.Item), new Map(truth.tables.Item));
      });
      assert.equal(replica.statistics.inconsistencies, 0);
    }
  });

  it("is read through a relay, from which it may go and come back", async () => {
    const { replica, batches } = await follow({ remote: await cluster.startRelay() });
    assert.equal(replica.status?.model, "relay");
    await add("a");
    await eventually("it comes through", () => names(replica).join() === "a");
    for (const member of cluster.members) await member.kill();
    for (const member of cluster.members) await member.start();
    await add("b");
    await eventually("it comes through again", () => names(replica).join() === "a,b");
    assert.deepEqual(batches.map(said), [[], ["a"], ["b"]]);
  });

  it("conditions that change and leaders that change lose and invent no row", async () => {
    await add("a", "b", "c");
    const { replica } = await follow({ tables: { Item: { columns: ["name"], where: [["name", "==", "a"]] } } });
    for (const wanted of [["b"], ["a", "c"], ["b", "c"]]) {
      const leader = await cluster.leader();
      const changed = replica.setConditions({ Item: wanted.map((name) => ["name", "==", name] as const) });
      await leader.kill();
      await changed;
      await eventually("connected", () => replica.connected);
      assert.deepEqual(names(replica), wanted);
      await leader.start();
    }
    assert.equal(replica.statistics.inconsistencies, 0);
  });
});
