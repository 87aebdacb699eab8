/** The room's public face. */
export type { CallOptions, Monitor, MonitorOptions, OvsdbClient } from "#ovsdb/client.ts";
export { type ConnectOptions, connectOvsdb } from "#ovsdb/connect.ts";
export type { DatabaseStatus } from "#ovsdb/database-status.ts";
export { OvsdbError, type OvsdbErrorCode } from "#ovsdb/error.ts";
export type { Lock, LockOptions } from "#ovsdb/lock.ts";
export type {
  MonitoredTable,
  MonitoredTables,
  MonitorMethod,
  MonitorSelect,
  MonitorUpdate,
  MonitorWhere,
  RowUpdate,
  TableUpdate,
} from "#ovsdb/monitor.ts";
export { decodeRow, decodeValue, encodeRow, encodeValue, type Json, type JsonObject } from "#ovsdb/notation.ts";
export * from "#ovsdb/operations.ts";
export type { TlsOptions } from "#ovsdb/remote.ts";
export * from "#ovsdb/replica.ts";
export type { Conditions } from "#ovsdb/replica-conditions.ts";
export * from "#ovsdb/row.ts";
export type { IndexColumns, IndexKey } from "#ovsdb/row-index.ts";
export type { AtomType, BaseType, ColumnSchema, DatabaseSchema, TableSchema } from "#ovsdb/schema.ts";
export * from "#ovsdb/typed/columns.ts";
export * from "#ovsdb/typed/database.ts";
export type * from "#ovsdb/typed/replica.ts";
export { isUuid, parseUuid, type Ref, type Uuid } from "#ovsdb/uuid.ts";
export * from "#ovsdb/value.ts";
