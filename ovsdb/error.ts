import { WeirError } from "#base/errors.ts";

/** Error strings of RFC 7047 and of ovsdb-server, and the stable codes that stand for them. */
const CODES: Readonly<Record<string, OvsdbErrorCode>> = {
  "constraint violation": "E_OVSDB_CONSTRAINT",
  "referential integrity violation": "E_OVSDB_REFERENCE",
  "resources exhausted": "E_OVSDB_RESOURCES",
  "I/O error": "E_OVSDB_IO",
  "duplicate uuid-name": "E_OVSDB_DUPLICATE_UUID_NAME",
  "duplicate uuid": "E_OVSDB_DUPLICATE_UUID",
  "domain error": "E_OVSDB_DOMAIN",
  "range error": "E_OVSDB_RANGE",
  "timed out": "E_OVSDB_WAIT",
  "not supported": "E_OVSDB_NOT_SUPPORTED",
  "not allowed": "E_OVSDB_PERMISSION",
  "permission error": "E_OVSDB_PERMISSION",
  "not owner": "E_OVSDB_NOT_OWNER",
  aborted: "E_OVSDB_ABORTED",
  canceled: "E_OVSDB_CANCELED",
  "syntax error": "E_OVSDB_SYNTAX",
  "unknown column": "E_OVSDB_SYNTAX",
  "unknown table": "E_OVSDB_SYNTAX",
  "unknown database": "E_OVSDB_UNKNOWN_DATABASE",
  "unknown monitor": "E_OVSDB_UNKNOWN_MONITOR",
  "unknown method": "E_OVSDB_UNKNOWN_METHOD",
  "not leader": "E_OVSDB_NOT_LEADER",
  "cluster error": "E_OVSDB_CLUSTER",
};

export type OvsdbErrorCode =
  | "E_OVSDB_CONSTRAINT"
  | "E_OVSDB_REFERENCE"
  | "E_OVSDB_RESOURCES"
  | "E_OVSDB_IO"
  | "E_OVSDB_DUPLICATE_UUID_NAME"
  | "E_OVSDB_DUPLICATE_UUID"
  | "E_OVSDB_DOMAIN"
  | "E_OVSDB_RANGE"
  /** A `wait` operation whose condition did not come true in its time. */
  | "E_OVSDB_WAIT"
  | "E_OVSDB_NOT_SUPPORTED"
  | "E_OVSDB_PERMISSION"
  | "E_OVSDB_NOT_OWNER"
  | "E_OVSDB_ABORTED"
  | "E_OVSDB_CANCELED"
  | "E_OVSDB_SYNTAX"
  | "E_OVSDB_UNKNOWN_DATABASE"
  | "E_OVSDB_UNKNOWN_MONITOR"
  | "E_OVSDB_UNKNOWN_METHOD"
  | "E_OVSDB_NOT_LEADER"
  | "E_OVSDB_CLUSTER"
  /** A server of the cluster that is behind what was seen of it already. */
  | "E_OVSDB_STALE"
  /** Any other refusal of the server: `details.error` has its word. */
  | "E_OVSDB_SERVER"
  /** No connection could be made. */
  | "E_OVSDB_CONNECT"
  /** The connection is gone. `details.uncertain`: whether the request had left and may have been carried out. */
  | "E_OVSDB_CLOSED"
  /** The server said nothing for too long, echo requests included. */
  | "E_OVSDB_INACTIVE"
  /** The peer does not speak OVSDB as RFC 7047 has it. */
  | "E_OVSDB_PROTOCOL"
  /** A value, remote or schema that cannot be what it should: a mistake of the caller. */
  | "E_OVSDB_VALUE"
  /** What the server sends contradicts what it sent before, or its schema. Repaired by a resync. */
  | "E_OVSDB_INCONSISTENT";

/** What `ovsdb/` throws and rejects with. `details` may hold: error, serverDetails, operation (index), op, table, column, uncertain. */
export class OvsdbError extends WeirError {
  declare readonly code: OvsdbErrorCode;

  constructor(code: OvsdbErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(code, message, details, cause);
  }
}

/** The code for an `error` string of the server. */
export function errorCodeOf(error: string): OvsdbErrorCode {
  return CODES[error] ?? "E_OVSDB_SERVER";
}
