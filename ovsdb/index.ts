/** The room's public face. */
export * from "#ovsdb/client.ts";
export { OvsdbError, type OvsdbErrorCode } from "#ovsdb/error.ts";
export type { Lock, LockOptions } from "#ovsdb/lock.ts";
export type {
  MonitoredTable,
  MonitoredTables,
  MonitorMethod,
  MonitorUpdate,
  RowUpdate,
  TableUpdate,
} from "#ovsdb/monitor.ts";
export type { Json, JsonObject } from "#ovsdb/notation.ts";
export * from "#ovsdb/operations.ts";
export type { TlsOptions } from "#ovsdb/remote.ts";
export * from "#ovsdb/replica.ts";
export * from "#ovsdb/row.ts";
export type { AtomType, BaseType, ColumnSchema, DatabaseSchema, TableSchema } from "#ovsdb/schema.ts";
export { isUuid, parseUuid, type Uuid } from "#ovsdb/uuid.ts";
export * from "#ovsdb/value.ts";
