/** Several values a key, in the order of their arrival. */
export class MultiMap<K, V> {
  readonly #values = new Map<K, Set<V>>();

  get(key: K): ReadonlySet<V> {
    return this.#values.get(key) ?? (EMPTY as ReadonlySet<V>);
  }

  has(key: K): boolean {
    return this.#values.has(key);
  }

  keys(): Iterable<K> {
    return this.#values.keys();
  }

  add(key: K, value: V): void {
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, new Set([value]));
    else values.add(value);
  }

  delete(key: K, value: V): void {
    const values = this.#values.get(key);
    values?.delete(value);
    if (values?.size === 0) this.#values.delete(key);
  }
}

const EMPTY: ReadonlySet<unknown> = new Set();
