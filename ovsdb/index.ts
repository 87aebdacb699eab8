export * from "#ovsdb/client.ts";
export { OvsdbError, type OvsdbErrorCode } from "#ovsdb/error.ts";
export * from "#ovsdb/operations.ts";
export * from "#ovsdb/replica.ts";
export * from "#ovsdb/row.ts";
export { isUuid, parseUuid, type Uuid } from "#ovsdb/uuid.ts";
export * from "#ovsdb/value.ts";
