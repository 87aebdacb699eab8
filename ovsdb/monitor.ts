/** Monitors (RFC 7047 section 4.1.5 and ovsdb-server(7) 4.1.12-4.1.16): three methods, one kind of update. */
import { isJsonObject, type Json, type JsonObject, malformed } from "#ovsdb/notation.ts";
import type { Where } from "#ovsdb/operations.ts";
import { encodeWhere } from "#ovsdb/transaction.ts";
import { isUuid, type Uuid, ZERO_UUID } from "#ovsdb/uuid.ts";

/** From the best to the one of the RFC. */
export type MonitorMethod = "monitor_cond_since" | "monitor_cond" | "monitor";
export const MONITOR_METHODS: readonly MonitorMethod[] = ["monitor_cond_since", "monitor_cond", "monitor"];

/** Rows that satisfy any one of the conditions; `[]` and true are every row, false is none. */
export type MonitorWhere = Where | boolean;

/** What is told of a table; what is left out is true. */
export interface MonitorSelect {
  readonly initial?: boolean;
  readonly insert?: boolean;
  readonly delete?: boolean;
  readonly modify?: boolean;
}

export interface MonitoredTable {
  /** Without it all columns. */
  readonly columns?: readonly string[];
  readonly where?: MonitorWhere;
  readonly select?: MonitorSelect;
}
export type MonitoredTables = Readonly<Record<string, MonitoredTable>>;

/** What happened to a row; columns as they came, for the schema to decode. */
export type RowUpdate =
  /** The row is there with these columns; those left out have their default. */
  | { readonly type: "insert"; readonly columns: JsonObject }
  /** These columns have these values; others stay. */
  | { readonly type: "set"; readonly columns: JsonObject }
  /** These columns differ by this much (<row-update2> "modify"); others stay. */
  | { readonly type: "diff"; readonly columns: JsonObject }
  | { readonly type: "delete" };

export interface TableUpdate {
  readonly table: string;
  readonly uuid: Uuid;
  readonly update: RowUpdate;
}

export interface MonitorUpdate {
  /** These are all the rows there are, whatever was known before. */
  readonly complete: boolean;
  /** To ask for what came after; the zero UUID where the server keeps no history. */
  readonly lastTransaction: Uuid;
  readonly updates: readonly TableUpdate[];
}

export function encodeMonitorRequest(
  method: MonitorMethod,
  database: string,
  monitor: string,
  tables: MonitoredTables,
  since: Uuid,
): Json[] {
  const requests: Record<string, Json> = {};
  for (const [table, { columns, where = true, select }] of Object.entries(tables)) {
    requests[table] = [
      {
        ...(columns !== undefined && { columns }),
        ...(isConditional(where) && { where: encodeMonitorWhere(where) }),
        ...(select !== undefined && { select: { ...select } }),
      },
    ];
  }
  const params: Json[] = [database, monitor, requests];
  return method === "monitor_cond_since" ? [...params, since] : params;
}

export function encodeConditionChange(monitor: string, where: Readonly<Record<string, MonitorWhere>>): Json[] {
  const tables = Object.entries(where).map(([table, of]) => [table, [{ where: encodeMonitorWhere(of) }]]);
  return [monitor, monitor, Object.fromEntries(tables)];
}

/** Whether it leaves any row out, which the RFC's own `monitor` cannot. */
export function isConditional(where: MonitorWhere): boolean {
  return typeof where === "boolean" ? !where : where.length > 0;
}

function encodeMonitorWhere(where: MonitorWhere): Json {
  if (typeof where === "boolean") return [where];
  return where.length === 0 ? [true] : encodeWhere(where);
}

/** The reply to a monitor request. */
export function decodeMonitorReply(method: MonitorMethod, result: Json): MonitorUpdate {
  if (method === "monitor") return { complete: true, lastTransaction: ZERO_UUID, updates: readUpdates(result) };
  if (method === "monitor_cond") return { complete: true, lastTransaction: ZERO_UUID, updates: readUpdates2(result) };
  const [found, last, updates] = asArray(result);
  return { complete: found !== true, lastTransaction: asUuid(last), updates: readUpdates2(updates) };
}

/** The parameters of update, update2 and update3; undefined for any other notification. */
export function decodeMonitorUpdate(
  method: string,
  params: readonly Json[],
): { readonly monitor: Json | undefined; readonly update: MonitorUpdate } | undefined {
  const [monitor] = params;
  const header = { complete: false, lastTransaction: ZERO_UUID };
  switch (method) {
    case "update":
      return { monitor, update: { ...header, updates: readUpdates(params[1]) } };
    case "update2":
      return { monitor, update: { ...header, updates: readUpdates2(params[1]) } };
    case "update3":
      return {
        monitor,
        update: { complete: false, lastTransaction: asUuid(params[1]), updates: readUpdates2(params[2]) },
      };
    default:
      return undefined;
  }
}

/** <table-updates> of the RFC: old and new, where old holds only what changed. */
function readUpdates(json: Json | undefined): TableUpdate[] {
  return readRows(json, (row) => {
    if (isJsonObject(row["new"])) return { type: row["old"] === undefined ? "insert" : "set", columns: row["new"] };
    if (isJsonObject(row["old"])) return { type: "delete" };
    throw malformed('"old" or "new"', row);
  });
}

/** <table-updates2>: initial, insert, modify or delete. */
function readUpdates2(json: Json | undefined): TableUpdate[] {
  return readRows(json, (row) => {
    const inserted = row["initial"] ?? row["insert"];
    if (isJsonObject(inserted)) return { type: "insert", columns: inserted };
    if (isJsonObject(row["modify"])) return { type: "diff", columns: row["modify"] };
    if ("delete" in row) return { type: "delete" };
    throw malformed("initial, insert, modify or delete", row);
  });
}

function readRows(json: Json | undefined, read: (row: JsonObject) => RowUpdate): TableUpdate[] {
  if (!isJsonObject(json)) throw malformed("table updates", json);
  const updates: TableUpdate[] = [];
  for (const [table, rows] of Object.entries(json)) {
    if (!isJsonObject(rows)) throw malformed(`row updates of ${table}`, rows);
    for (const uuid in rows) {
      const row = rows[uuid];
      if (!isUuid(uuid) || !isJsonObject(row)) throw malformed(`a row update of ${table}`, row);
      updates.push({ table, uuid, update: read(row) });
    }
  }
  return updates;
}

function asArray(json: Json): readonly Json[] {
  if (Array.isArray(json)) return json;
  throw malformed("[found, last transaction, updates]", json);
}

function asUuid(json: Json | undefined): Uuid {
  if (isUuid(json)) return json;
  throw malformed("a transaction id", json);
}
