/** What a column's type cannot say, in words, for whoever reads the generated module. Pure. */
import { type BaseType, type ColumnSchema, shapeOf } from "#ovsdb/schema.ts";

export function describeLimits(column: ColumnSchema): string | undefined {
  const { key, value, min, max, ephemeral } = column;
  const shape = shapeOf(column);
  const notes = [
    ...rangeOf(key),
    ...(value === undefined ? [] : rangeOf(value)),
    ...(shape === "set" || shape === "map" ? countOf(min, max) : []),
    ...([key, value].some((base) => base?.refType === "weak") ? ["weak"] : []),
    ...(ephemeral ? ["ephemeral"] : []),
  ];
  return notes.length === 0 ? undefined : notes.join(", ");
}

function rangeOf({ minimum, maximum, minLength, maxLength }: BaseType): string[] {
  return [...span("", minimum, maximum), ...span("length ", minLength, maxLength)];
}

function span(word: string, low: number | bigint | undefined, high: number | bigint | undefined): string[] {
  if (low === undefined && high === undefined) return [];
  return [`${word}${low ?? ""}..${high ?? ""}`];
}

function countOf(min: number, max: number): string[] {
  if (max !== Number.POSITIVE_INFINITY) return [`${min} to ${max} of them`];
  return min === 0 ? [] : [`at least ${min}`];
}
