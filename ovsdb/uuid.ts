import { OvsdbError } from "#ovsdb/error.ts";

/** A row's identity, in canonical text: "6b1de2a4-...". A plain string at run time, so it is a good key. */
export type Uuid = string & { readonly Uuid: never };
/** Of a row of this table, as typed rows have it. Any Uuid may stand for one, but not one of another table. */
export type Ref<Table extends string> = Uuid & { readonly refTable?: Table };

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: unknown): text is Uuid {
  return typeof text === "string" && PATTERN.test(text);
}

/** The checked constructor; upper case is accepted and lowered. */
export function parseUuid(text: string): Uuid {
  const lowered = text.toLowerCase();
  if (isUuid(lowered)) return lowered;
  throw new OvsdbError(
    "E_OVSDB_VALUE",
    `"${text}" is not a UUID; it should look like 123e4567-e89b-12d3-a456-426614174000`,
  );
}

export const ZERO_UUID: Uuid = parseUuid("00000000-0000-0000-0000-000000000000");
