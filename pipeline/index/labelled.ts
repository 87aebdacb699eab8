import { isSelected, type LabelRequirement, type LabelSelector } from "../model/label-selector.ts";
import type { Labels } from "../model/model.ts";
import { createPostings, type Postings } from "./postings.ts";

/** Things with labels, found by a selector: an answer costs no more than what its narrowest requirement leaves. */
export interface Labelled<T> {
  add(labels: Labels, item: T): void;
  /** With the labels that it was added with. */
  remove(labels: Labels, item: T): void;
  select(selector: LabelSelector): Iterable<T>;
  all(): Iterable<T>;
  readonly size: number;
}

/** So few are looked through faster than found, and most namespaces have no more. */
const FEW = 8;

export function createLabelled<T>(): Labelled<T> {
  const items = new Map<T, Labels>();
  let postings: Postings<T> | undefined;
  const post = (to: Postings<T>, labels: Labels, item: T) => {
    for (const term of termsOf(labels)) to.add(term, item);
  };
  return {
    get size() {
      return items.size;
    },
    all: () => items.keys(),
    add(labels, item) {
      items.set(item, labels);
      if (postings !== undefined) post(postings, labels, item);
      else if (items.size > FEW) {
        postings = createPostings();
        for (const [one, its] of items) post(postings, its, one);
      }
    },
    remove(labels, item) {
      items.delete(item);
      for (const term of postings === undefined ? [] : termsOf(labels)) postings?.remove(term, item);
    },
    *select(selector) {
      const candidates = postings === undefined ? items.keys() : narrow(selector, postings, items);
      for (const item of candidates) if (isSelected(selector, items.get(item)!)) yield item;
    },
  };
}

/** A label can be asked for with its value or without. */
function* termsOf(labels: Labels): Iterable<string> {
  for (const [key, value] of labels) {
    yield key;
    yield `${key}=${value}`;
  }
}

function narrow<T>(selector: LabelSelector, postings: Postings<T>, items: ReadonlyMap<T, Labels>): Iterable<T> {
  let terms: readonly string[] | undefined;
  let fewest = items.size;
  for (const requirement of selector.requirements) {
    const asked = termsAskedFor(requirement);
    const count = asked?.reduce((sum, term) => sum + postings.get(term).size, 0);
    if (count === undefined || count >= fewest) continue;
    terms = asked;
    fewest = count;
  }
  // No two terms of one requirement are in one thing: a label has one value.
  return terms === undefined ? items.keys() : terms.flatMap((term) => [...postings.get(term)]);
}

/** One of these a thing must have; undefined for a requirement that things without the label meet. */
export function termsAskedFor({ key, operator, values }: LabelRequirement): readonly string[] | undefined {
  if (operator === "In") return values.map((value) => `${key}=${value}`);
  return operator === "Exists" ? [key] : undefined;
}
