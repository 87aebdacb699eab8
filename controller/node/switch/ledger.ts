import type { Delta } from "#base/delta.ts";
import type { Message } from "#openflow/messages/message.ts";
import { formatOwner, type Owner } from "#pipeline/owner.ts";
import { type EntryStatus, INSTALLED, PENDING } from "./entry-status.ts";

/** How entries of one of the switch's tables are written, and compared with what is desired. */
export interface EntryKind<D, V> {
  readonly name: "flow" | "group" | "meter";
  /** What the switch is to hold of what is desired. */
  valueOf(desired: D): V;
  isSame(a: V, b: V): boolean;
  /** `held`: what stands there under the same key. */
  put(value: V, held: V | undefined): Message;
  remove(value: V): Message;
  /** As ovs-ofctl prints it. */
  describe(value: V): string;
}

export interface Modification {
  readonly message: Message;
  /** Takes the outcome in. Returns what is to be said of a refusal. */
  settle(refusal: Error | undefined): Refused | undefined;
}

export interface Refused {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Reasons {
  readonly site: string;
  readonly owners: readonly Owner[];
}

export interface Failure<V> {
  readonly why: string;
  readonly since: Date;
  readonly value: V;
}

/** What is known of one of the switch's tables: what it holds, and what it refused, beside what is desired. */
export class Ledger<K, D extends Reasons, V> {
  readonly #kind: EntryKind<D, V>;
  readonly #desired: ReadonlyMap<K, D>;
  readonly #failed = new Map<K, Failure<V>>();
  #installed = new Map<K, V>();

  constructor(kind: EntryKind<D, V>, desired: ReadonlyMap<K, D>) {
    this.#kind = kind;
    this.#desired = desired;
  }

  get installed(): ReadonlyMap<K, V> {
    return this.#installed;
  }

  get failed(): ReadonlyMap<K, Failure<V>> {
    return this.#failed;
  }

  status(key: K): EntryStatus {
    const desired = this.#desired.get(key);
    if (desired === undefined) return PENDING;
    const value = this.#kind.valueOf(desired);
    const failure = this.#failed.get(key);
    if (failure !== undefined && this.#kind.isSame(failure.value, value)) return { state: "failed", ...failure };
    const installed = this.#installed.get(key);
    return installed !== undefined && this.#kind.isSame(installed, value) ? INSTALLED : PENDING;
  }

  /** The switch is gone, with all that it held. */
  forget(): void {
    this.#installed = new Map();
  }

  /** Takes what was read back for what is there; returns how many entries differ from what was left. Nothing was before the first look. */
  read(found: Map<K, V>): number {
    const remembered = this.#installed;
    this.#installed = found;
    if (remembered.size === 0) return 0;
    let drift = 0;
    for (const [key, value] of remembered) {
      const there = found.get(key);
      if (there === undefined || !this.#kind.isSame(there, value)) drift++;
    }
    for (const key of found.keys()) if (!remembered.has(key)) drift++;
    return drift;
  }

  /** Everything that must go, and everything that must come or become another, for the switch to hold what is desired. */
  compare(isStale: (value: V) => boolean = () => false): Work {
    const work: Work = { removals: [], additions: [] };
    for (const [key, value] of this.#installed)
      if (!this.#desired.has(key)) work.removals.push(this.#removal(key, value));
    for (const [key, desired] of this.#desired) {
      const value = this.#kind.valueOf(desired);
      const held = this.#installed.get(key);
      if (held === undefined || !this.#kind.isSame(held, value) || isStale(value))
        work.additions.push(this.#addition(key, value));
      // What was read back says the same: one object an entry is enough.
      else this.#installed.set(key, value);
    }
    return work;
  }

  /** The same for a change of what is desired. */
  follow(delta: Delta<K, D>): Work {
    const work: Work = { removals: [], additions: [] };
    for (const key of delta.removed.keys()) {
      this.#failed.delete(key);
      const held = this.#installed.get(key);
      if (held !== undefined) work.removals.push(this.#removal(key, held));
    }
    for (const [key, [, desired]] of delta.changed)
      work.additions.push(this.#addition(key, this.#kind.valueOf(desired)));
    for (const [key, desired] of delta.added) work.additions.push(this.#addition(key, this.#kind.valueOf(desired)));
    return work;
  }

  #addition(key: K, value: V): Modification {
    const settle = (refusal: Error | undefined): Refused | undefined => {
      if (refusal === undefined) {
        this.#failed.delete(key);
        this.#installed.set(key, value);
        return undefined;
      }
      const desired = this.#desired.get(key);
      if (desired === undefined) return undefined;
      const { name } = this.#kind;
      const { site, owners } = desired;
      this.#failed.set(key, { why: refusal.message, since: new Date(), value });
      const what = { [name]: this.#kind.describe(value), owners: owners.map(formatOwner), site };
      return { name, fields: { ...what, reason: refusal.message } };
    };
    return { message: this.#kind.put(value, this.#installed.get(key)), settle };
  }

  #removal(key: K, value: V): Modification {
    const settle = (refusal: Error | undefined): undefined => {
      if (refusal !== undefined) return;
      this.#failed.delete(key);
      this.#installed.delete(key);
    };
    return { message: this.#kind.remove(value), settle };
  }
}

export interface Work {
  readonly removals: Modification[];
  readonly additions: Modification[];
}
