/** Which rows a replica wants, which it has, and who waits for the two to be the same. Knows no connection. */
import type { MonitoredTable, MonitorWhere } from "#ovsdb/monitor.ts";

export type Conditions<Table extends string> = Readonly<Partial<Record<Table, MonitorWhere>>>;

interface Waiter {
  readonly version: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class ReplicaConditions<Table extends string> {
  /** What a monitor that begins now should ask for. */
  selections: Readonly<Record<Table, MonitoredTable>>;
  /** Counts the changes. */
  version = 0;
  #applied: { readonly version: number; readonly selections: Readonly<Record<Table, MonitoredTable>> };
  #waiters: Waiter[] = [];

  constructor(selections: Readonly<Record<Table, MonitoredTable>>) {
    this.selections = selections;
    this.#applied = { version: 0, selections };
  }

  /** Whether the rows that we have are those that we want. */
  get settled(): boolean {
    return this.#applied.version === this.version;
  }

  /** Resolves when the rows of the new conditions are there, and the others gone. */
  change(conditions: Conditions<Table>): Promise<void> {
    const selections: Record<Table, MonitoredTable> = { ...this.selections };
    for (const table in conditions) {
      const where = conditions[table];
      if (where !== undefined) selections[table] = { ...selections[table], where };
    }
    this.selections = selections;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ version: ++this.version, resolve, reject });
    return promise;
  }

  /** Of the tables in which the server has others. */
  changes(): Record<string, MonitorWhere> {
    const changes: Record<string, MonitorWhere> = {};
    for (const table in this.selections) {
      const { where = true } = this.selections[table];
      if (where !== (this.#applied.selections[table].where ?? true)) changes[table] = where;
    }
    return changes;
  }

  /** The server has brought what `selections` was at that version. */
  apply(version: number, selections: Readonly<Record<Table, MonitoredTable>>): void {
    this.#applied = { version, selections };
    for (const waiter of this.#take(version)) waiter.resolve();
  }

  /** The server refuses them: we are back at what it took last. */
  revert(error: unknown): void {
    this.selections = this.#applied.selections;
    for (const waiter of this.#take(this.version)) waiter.reject(error);
  }

  #take(version: number): Waiter[] {
    const taken = this.#waiters.filter((waiter) => waiter.version <= version);
    this.#waiters = this.#waiters.filter((waiter) => waiter.version > version);
    return taken;
  }
}
