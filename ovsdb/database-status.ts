/** What a server says of its databases, in its database `_Server` (ovsdb-server(5), since Open vSwitch 2.9). */
import type { OvsdbClient } from "#ovsdb/client.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import { parseJson } from "#ovsdb/json-text.ts";
import type { MonitorUpdate } from "#ovsdb/monitor.ts";
import { booleanOf, optionalTextOf, type Row, textOf } from "#ovsdb/row.ts";
import { type DatabaseSchema, parseSchema } from "#ovsdb/schema.ts";
import { applyChanges, createTableDecoder } from "#ovsdb/table-store.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

export interface DatabaseStatus {
  readonly name: string;
  readonly model: string;
  /** False for a server that is cut off from the majority of the cluster, or from what it relays. */
  readonly connected: boolean;
  /** True for a standalone database. */
  readonly leader: boolean;
  /** Undefined while the server has not got it from its cluster. */
  readonly schema: DatabaseSchema | undefined;
  readonly clusterId: string | undefined;
  readonly serverId: string | undefined;
  /** Of the last entry of the cluster's log that this server has. */
  readonly index: bigint | undefined;
}

const SCHEMA = parseSchema({
  name: "_Server",
  version: "1.2.0",
  tables: {
    Database: {
      columns: {
        name: { type: "string" },
        model: { type: "string" },
        connected: { type: "boolean" },
        leader: { type: "boolean" },
        schema: { type: { key: "string", min: 0 } },
        cid: { type: { key: "uuid", min: 0 } },
        sid: { type: { key: "uuid", min: 0 } },
        index: { type: { key: "integer", min: 0 } },
      },
    },
  },
});
const COLUMNS = { Database: [...(SCHEMA.tables.get("Database")?.columns.keys() ?? [])] };

/**
 * Calls `onStatus` at once and after every change; with undefined where the server does not have the database.
 * Returns false, without a call, where the server has no `_Server`.
 */
export async function watchDatabase(
  client: OvsdbClient,
  database: string,
  onStatus: (status: DatabaseStatus | undefined) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const decoder = createTableDecoder(SCHEMA, COLUMNS);
  const tables = { Database: new Map<Uuid, Row>() };
  let schemaText: string | undefined;
  let schema: DatabaseSchema | undefined;

  function read(row: Row): DatabaseStatus {
    const text = optionalTextOf(row, "schema");
    if (text !== schemaText) schema = text === undefined ? undefined : parseSchema(parseJson(text));
    schemaText = text;
    return statusOf(row, schema);
  }

  function receive(update: MonitorUpdate): void {
    let status: DatabaseStatus | undefined;
    try {
      applyChanges(tables, decoder.changesOf(update, tables));
      const row = [...tables.Database.values()].find(({ name }) => name === database);
      status = row && read(row);
    } catch (error) {
      client.close(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    onStatus(status);
  }

  try {
    await client.setDatabaseChangeAware(true, { signal });
    await client.monitor("_Server", { Database: { columns: COLUMNS.Database } }, receive, {
      methods: ["monitor_cond", "monitor"],
      signal,
    });
    return true;
  } catch (error) {
    if (error instanceof OvsdbError && UNKNOWN.has(error.code)) return false;
    throw error;
  }
}

const UNKNOWN: ReadonlySet<string> = new Set(["E_OVSDB_UNKNOWN_METHOD", "E_OVSDB_UNKNOWN_DATABASE"]);

function statusOf(row: Row, schema: DatabaseSchema | undefined): DatabaseStatus {
  const index = row["index"];
  return {
    name: textOf(row, "name"),
    model: textOf(row, "model"),
    connected: booleanOf(row, "connected") === true,
    leader: booleanOf(row, "leader") === true,
    schema,
    clusterId: optionalTextOf(row, "cid"),
    serverId: optionalTextOf(row, "sid"),
    index: typeof index === "number" || typeof index === "bigint" ? BigInt(index) : undefined,
  };
}
