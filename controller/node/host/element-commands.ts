import { isEqual } from "#base/equal.ts";
import type { NftObject } from "./nft-words.ts";

/** What a set has to get and to lose. */
interface ElementsChange {
  readonly set: Readonly<Record<string, unknown>>;
  readonly arriving: readonly unknown[];
  readonly leaving: readonly unknown[];
}

/**
 * The commands that make one state of a table another, when nothing but elements of sets differs; undefined when more does. There
 * may be ten thousand services, and one more of them is one element more.
 */
export function elementCommands(
  before: readonly NftObject[],
  after: readonly NftObject[],
): readonly Readonly<Record<string, NftObject>>[] | undefined {
  if (before.length !== after.length) return undefined;
  const changes: ElementsChange[] = [];
  for (const [i, old] of before.entries()) {
    const next = after[i]!;
    if (isEqual(old, next)) continue;
    const change = elementsChange(old["set"], next["set"]);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  const command = (verb: string, { set }: ElementsChange, elem: readonly unknown[]) => {
    const { family, table, name } = set;
    return elem.length === 0 ? [] : [{ [verb]: { element: { family, table, name, elem } } }];
  };
  return changes.flatMap((change) => [
    ...command("delete", change, change.leaving),
    ...command("add", change, change.arriving),
  ]);
}

type SetFields = NftObject[string] | undefined;

function elementsChange(old: SetFields, next: SetFields): ElementsChange | undefined {
  if (old === undefined || next === undefined) return undefined;
  const { elem: oldElements = [], ...oldSet } = old;
  const { elem: nextElements = [], ...set } = next;
  if (!isEqual(oldSet, set) || !Array.isArray(oldElements) || !Array.isArray(nextElements)) return undefined;
  const [had, has] = [byText(oldElements), byText(nextElements)];
  const without = (all: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>): unknown[] =>
    [...all].filter(([text]) => !others.has(text)).map(([, element]) => element);
  return { set, arriving: without(has, had), leaving: without(had, has) };
}

function byText(elements: readonly unknown[]): ReadonlyMap<string, unknown> {
  return new Map(elements.map((element) => [JSON.stringify(element), element]));
}
