import { isSelected, type LabelSelector } from "../model/label-selector.ts";
import type { Labels } from "../model/model.ts";
import { termsAskedFor } from "./labelled.ts";
import { createPostings, type Postings } from "./postings.ts";

/** Things that a selector chooses labels for, found by labels: an answer costs the selectors that ask for one of them. */
export interface Selectors<T> {
  add(selector: LabelSelector, item: T): void;
  remove(item: T): void;
  match(labels: Labels): Iterable<T>;
  readonly size: number;
}

/** So few are looked through faster than found. */
const FEW = 8;

interface Filed {
  readonly selector: LabelSelector;
  /** Where it stands in the postings; empty where its selector asks for no label. */
  terms: readonly string[];
}

export function createSelectors<T>(): Selectors<T> {
  const filed = new Map<T, Filed>();
  /** Those that ask for no label, and so may match any. */
  const unasking = new Set<T>();
  let postings: Postings<T> | undefined;
  const file = (to: Postings<T>, { selector }: Filed, item: T) => {
    const terms = rarest(selector, to);
    for (const term of terms) to.add(term, item);
    if (terms.length === 0) unasking.add(item);
    filed.set(item, { selector, terms });
  };
  return {
    get size() {
      return filed.size;
    },
    add(selector, item) {
      filed.set(item, { selector, terms: [] });
      if (postings !== undefined) file(postings, { selector, terms: [] }, item);
      else if (filed.size > FEW) {
        postings = createPostings();
        for (const [one, its] of filed) file(postings, its, one);
      }
    },
    remove(item) {
      for (const term of filed.get(item)?.terms ?? []) postings?.remove(term, item);
      unasking.delete(item);
      filed.delete(item);
    },
    *match(labels) {
      const candidates = postings === undefined ? filed.keys() : askingFor(labels, postings, unasking);
      for (const item of candidates) if (isSelected(filed.get(item)!.selector, labels)) yield item;
    },
  };
}

/** The terms of the requirement under which the fewest stand already. */
function rarest<T>(selector: LabelSelector, postings: Postings<T>): readonly string[] {
  let terms: readonly string[] = [];
  let fewest = Number.POSITIVE_INFINITY;
  for (const requirement of selector.requirements) {
    const asked = termsAskedFor(requirement);
    const count = asked?.reduce((sum, term) => sum + postings.get(term).size, 0) ?? Number.POSITIVE_INFINITY;
    if (asked === undefined || count >= fewest) continue;
    terms = asked;
    fewest = count;
  }
  return terms;
}

function* askingFor<T>(labels: Labels, postings: Postings<T>, unasking: ReadonlySet<T>): Iterable<T> {
  for (const [key, value] of labels) {
    yield* postings.get(key);
    yield* postings.get(`${key}=${value}`);
  }
  yield* unasking;
}
