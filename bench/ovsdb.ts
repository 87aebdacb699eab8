/** The OVSDB client beside the distribution's own: a whole database, and small transactions over one connection. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import {
  connectOvsdb,
  createReplica,
  insert,
  mutate,
  namedUuid,
  type Operation,
  type OvsdbClient,
  ovsMap,
  ovsSet,
  type Uuid,
  uuid,
} from "#ovsdb/index.ts";
import { alternate, type Bench, type BenchContext, type Row, repeat } from "./bench.ts";
import { command } from "./command.ts";

const ROOT = join(import.meta.dirname, "..");
const OPEN_VSWITCH = "/usr/share/openvswitch/vswitch.ovsschema";
const ROWS = 50_000;
const TRANSACTIONS = 10_000;
/** For each of which a process must start. */
const COMMANDS = 100;

export const bench: Bench = {
  name: "ovsdb",
  about: `first replica of ${ROWS} rows beside ovsdb-client dump; small transactions over one connection`,
  async run(context) {
    const wide = await startServer(context, "wide", OPEN_VSWITCH);
    await fillPorts(wide);
    const narrow = await startServer(context, "narrow", writeNarrowSchema(context.directory));
    const items = await fillItems(narrow);
    return [
      await measureReplica(context, wide, "Open_vSwitch: ports and interfaces"),
      await measureReplica(context, narrow, "a table of five columns"),
      await measureCommand(context, narrow),
      await measurePipeline(context, narrow, items),
      await measureOneByOne(context, narrow, items),
    ];
  },
};

/** Rows that a transaction names by their UUID: by anything else the server would look through the whole table. */
const TOUCHED = 1000;

interface Server {
  readonly remote: string;
  readonly path: string;
  readonly database: string;
  readonly client: OvsdbClient;
}

async function startServer({ directory, defer }: BenchContext, name: string, schema: string): Promise<Server> {
  const at = (file: string) => join(directory, `${name}.${file}`);
  await command(["ovsdb-tool", "create", at("db"), schema]);
  const database = (await command(["ovsdb-tool", "db-name", at("db")])).trim();
  const argv = [at("db"), `--remote=punix:${at("sock")}`, `--unixctl=${at("ctl")}`, "-vconsole:off", "--no-chdir"];
  const child = spawn("ovsdb-server", argv, { stdio: "ignore" });
  defer(() => child.kill("SIGKILL"));
  const remote = `unix:${at("sock")}`;
  for (;;) {
    const client = await connectOvsdb({ remote }).catch(() => undefined); // it is still starting
    if (client !== undefined) {
      defer(() => client.close());
      return { remote, path: at("sock"), database, client };
    }
  }
}

function writeNarrowSchema(directory: string): string {
  const columns = {
    name: { type: "string" },
    count: { type: "integer" },
    tags: { type: { key: "string", min: 0, max: "unlimited" } },
    ids: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
    peer: { type: { key: { type: "uuid", refTable: "Item", refType: "weak" }, min: 0 } },
  };
  const path = join(directory, "narrow.ovsschema");
  const tables = { Item: { columns, isRoot: true, indexes: [["name"]] } };
  writeFileSync(path, JSON.stringify({ name: "Narrow", version: "1.0.0", tables }));
  return path;
}

/** Half of the rows are ports of one bridge, half their interfaces, as a node has them. */
async function fillPorts({ client }: Server): Promise<void> {
  const root = insert("Open_vSwitch", { bridges: ovsSet([namedUuid("b")]) });
  await client.transact("Open_vSwitch", [root, insert("Bridge", { name: "br0" }, "b")]);
  await inPieces(ROWS / 2, 500, async (from, to) => {
    const operations: Operation[] = [];
    const ports = [];
    for (let i = from; i < to; i++) {
      const ids = ovsMap({ "iface-id": `default/pod-${i}`, "attached-mac": "aa:bb:cc:dd:ee:ff", weir: "pod" });
      operations.push(insert("Interface", { name: `if${i}`, external_ids: ids }, `i${i}`));
      operations.push(insert("Port", { name: `if${i}`, interfaces: ovsSet([namedUuid(`i${i}`)]) }, `p${i}`));
      ports.push(namedUuid(`p${i}`));
    }
    operations.push(mutate("Bridge", [], [["ports", "insert", ovsSet(ports)]]));
    await client.transact("Open_vSwitch", operations);
  });
}

async function fillItems({ client, database }: Server): Promise<Uuid[]> {
  const made: Uuid[] = [];
  await inPieces(ROWS, 1000, async (from, to) => {
    const rows = Array.from({ length: to - from }, (_, i) => from + i).map((i) =>
      insert("Item", {
        name: `item-${i}`,
        count: i,
        tags: ovsSet(["a", `t${i % 7}`]),
        ids: ovsMap({ zone: `z${i % 3}` }),
      }),
    );
    for (const row of await client.transact(database, rows)) made.push(row.uuid);
  });
  return made.slice(0, TOUCHED);
}

async function inPieces(
  count: number,
  size: number,
  piece: (from: number, to: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < count; from += size) await piece(from, Math.min(count, from + size));
}

async function measureReplica({ say }: BenchContext, server: Server, what: string): Promise<Row> {
  say(`first replica of ${what}`);
  const { remote, database, client } = server;
  const schema = await client.getSchema(database);
  const tables = Object.fromEntries([...schema.tables].map(([name, { columns }]) => [name, [...columns.keys()]]));
  const sides = await alternate(
    5,
    {
      of: "replica",
      async probe() {
        const replica = createReplica({ remote, database, tables });
        await replica.whenSynced();
        replica.close();
      },
    },
    { of: "ovsdb-client dump", probe: () => command(["ovsdb-client", "dump", remote, database]) },
  );
  return { what: `${ROWS} rows, ${what}`, unit: "ms", ...sides, target: { of: "ratio", atMost: 1.5 } };
}

/** With Node's own start, as the anchor has its own; one bundled file, as in the image. */
async function measureCommand({ say, directory }: BenchContext, { remote, database }: Server): Promise<Row> {
  say("the same as a program of its own");
  const outfile = join(directory, "replica.mjs");
  const contents = `
    import { createReplica } from "#ovsdb/index.ts";
    const tables = { Item: ["name", "count", "tags", "ids", "peer"] };
    const replica = createReplica({ remote: ${JSON.stringify(remote)}, database: "${database}", tables });
    await replica.whenSynced();
    replica.close();`;
  await build({ stdin: { contents, resolveDir: ROOT }, bundle: true, platform: "node", format: "esm", outfile });
  const sides = await alternate(
    5,
    { of: "node, to its end", probe: () => command([process.execPath, outfile]) },
    { of: "ovsdb-client dump", probe: () => command(["ovsdb-client", "dump", remote, database]) },
  );
  return { what: `${ROWS} rows, as a program`, unit: "ms", ...sides, target: { of: "ratio", atMost: 1.5 } };
}

function smallTransaction(rows: readonly Uuid[], i: number): Operation {
  const row = rows[i % rows.length]!;
  return mutate("Item", [["_uuid", "==", uuid(row)]], [["ids", "insert", ovsMap({ [`k${i % 5}`]: "v" })]]);
}

function bareOperation(rows: readonly Uuid[], i: number): string {
  const where = [["_uuid", "==", ["uuid", rows[i % rows.length]!]]];
  return JSON.stringify({
    op: "mutate",
    table: "Item",
    where,
    mutations: [["ids", "insert", ["map", [[`k${i % 5}`, "v"]]]]],
  });
}

/** Beside what the server does for somebody who neither checks nor reads anything. */
async function measurePipeline(
  { say }: BenchContext,
  { client, path, database }: Server,
  rows: readonly Uuid[],
): Promise<Row> {
  say(`${TRANSACTIONS} transactions, pipelined`);
  const sides = await alternate(
    5,
    {
      of: "transact",
      probe: () =>
        perSecond(TRANSACTIONS, async () => {
          const all: Promise<unknown>[] = [];
          for (let i = 0; i < TRANSACTIONS; i++) all.push(client.transact(database, [smallTransaction(rows, i)]));
          await Promise.all(all);
        }),
    },
    {
      of: "the server's own limit: bare bytes",
      probe: () => perSecond(TRANSACTIONS, () => sendBare(path, database, rows)),
    },
  );
  return {
    what: "small transactions, pipelined",
    unit: "transactions/s",
    ...sides,
    target: { of: "value", atLeast: 1000 },
  };
}

async function measureOneByOne(
  { say }: BenchContext,
  { client, remote, database }: Server,
  rows: readonly Uuid[],
): Promise<Row> {
  say("one transaction after another");
  const weir = await repeat(5, "transact", () =>
    perSecond(TRANSACTIONS / 10, async () => {
      for (let i = 0; i < TRANSACTIONS / 10; i++) await client.transact(database, [smallTransaction(rows, i)]);
    }),
  );
  const anchor = await repeat(3, "ovsdb-client transact", () =>
    perSecond(COMMANDS, async () => {
      const text = `["${database}",${bareOperation(rows, 0)}]`;
      for (let i = 0; i < COMMANDS; i++) await command(["ovsdb-client", "transact", remote, text]);
    }),
  );
  return { what: "small transactions, each awaited", unit: "transactions/s", weir, anchor };
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (count / (performance.now() - started)) * 1000;
}

/** Replies are only counted, by a word that each has once. */
async function sendBare(path: string, database: string, rows: readonly Uuid[]): Promise<void> {
  const socket = connect({ path });
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  let rest = "";
  socket.on("data", (chunk: Buffer) => {
    const text = rest + chunk.toString("latin1");
    seen += text.split('"count"').length - 1;
    rest = text.slice(text.lastIndexOf('"count"') + 7).slice(-6);
    if (seen >= TRANSACTIONS) resolve();
  });
  const requests = Array.from(
    { length: TRANSACTIONS },
    (_, id) => `{"id":${id},"method":"transact","params":["${database}",${bareOperation(rows, id)}]}`,
  );
  socket.write(requests.join(""));
  await promise;
  socket.destroy();
}
