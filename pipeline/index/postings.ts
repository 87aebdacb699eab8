/** Which things each term stands in. */
export interface Postings<T> {
  get(term: string): ReadonlySet<T>;
  add(term: string, item: T): void;
  remove(term: string, item: T): void;
}

export function createPostings<T>(): Postings<T> {
  const itemsByTerm = new Map<string, Set<T>>();
  const nothing: ReadonlySet<T> = new Set();
  return {
    get: (term) => itemsByTerm.get(term) ?? nothing,
    add(term, item) {
      const items = itemsByTerm.get(term);
      if (items === undefined) itemsByTerm.set(term, new Set([item]));
      else items.add(item);
    },
    remove(term, item) {
      const items = itemsByTerm.get(term);
      items?.delete(item);
      if (items?.size === 0) itemsByTerm.delete(term);
    },
  };
}
