import type { Action, Subfield } from "#openflow/actions.ts";
import { FIELDS, type FieldName } from "#openflow/fields.ts";
import type { FieldMatch } from "#openflow/match.ts";
import { kindOf, type PacketKind, PREREQUISITES } from "./prerequisites.ts";
import { fail } from "./syntax.ts";

/** A learned flow must make sense itself: what its specs match by value says which fields the next ones may name. */
export function checkLearn(
  { specs }: Extract<Action, { readonly type: "learn" }>,
  word: string,
  kind: PacketKind,
): void {
  const learned: FieldMatch[] = [];
  for (const spec of specs) {
    if (typeof spec.source === "object") needField(word, spec.source.field, kind, "the flow");
    if (spec.type === "output") continue;
    const { destination, source } = spec;
    needField(word, destination.field, kindOf(learned), "the learned flow");
    if (spec.type === "load" && !FIELDS[destination.field].writable)
      fail(word, `${destination.field} cannot be written`);
    if (spec.type === "match" && typeof source !== "object" && isWhole(destination))
      learned.push({ field: destination.field, value: source });
  }
}

function isWhole({ field, start, bits }: Subfield): boolean {
  return start === 0 && bits === FIELDS[field].significantBits;
}

function needField(word: string, field: FieldName, kind: PacketKind, where: string): void {
  const { needs, holds } = PREREQUISITES[FIELDS[field].prerequisite];
  if (!holds(kind)) fail(word, `${field} is there only where ${where} matches ${needs}`);
}
