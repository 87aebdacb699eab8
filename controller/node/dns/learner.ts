import { concat, defer, type Observable, of, Subject } from "rxjs";
import type { Ip } from "#base/address.ts";
import { patternsOf } from "#pipeline/model/domain.ts";
import type { View } from "#pipeline/model/model.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import type { Journal } from "./journal.ts";
import type { Learning, NameTable } from "./name-table.ts";
import type { ToldAddress } from "./told.ts";

export const NAMES_SOURCE = "names";

/** What pods are told of names becomes what the pipeline knows of them, and ceases to be with its time. */
export interface Learner {
  /** Complete from the beginning: what a former process knew is there. */
  readonly batches$: Observable<SourceBatch>;
  /** Takes in what policies of this node speak of, and returns it; by then the pipeline has it. */
  learn(told: readonly ToldAddress[]): Learnt;
  /** Takes away addresses that lapsed, if `isOver` holds for them or no policy speaks of their name any more. */
  forget(isOver: (ip: Ip) => boolean): void;
  close(): void;
}

export interface Learnt {
  readonly entries: readonly Learning[];
  /** Something is otherwise than before. */
  readonly isNews: boolean;
  /** It outlives this process. */
  readonly saved: Promise<void>;
}

export interface LearnerOptions {
  readonly table: NameTable;
  readonly journal: Journal;
  readonly view: View;
  /** In seconds; what is told for a shorter time is taken for so long. */
  readonly minimumTtl: number;
  /** Milliseconds since 1970; while the process lives it does not jump. */
  readonly now: () => number;
}

/** A week, in seconds: what is told for longer is asked again by any resolver (RFC 8767, 4). */
const LONGEST_TTL = 604_800;
/** Addresses that lapse within so many milliseconds of each other go together. */
const TOGETHER = 50;
const LONGEST_TIMER = 0x7fff_ffff;

export function createLearner({ table, journal, view, minimumTtl, now }: LearnerOptions): Learner {
  const later$ = new Subject<SourceBatch>();
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;

  function batchOf(names: Iterable<string>): SourceBatch {
    const changes = [...names].map((key) => ({ kind: "Domain" as const, key, object: table.objectOf(key) }));
    return { source: NAMES_SOURCE, synced: true, changes };
  }

  function tell(names: ReadonlySet<string>): void {
    if (names.size > 0) later$.next(batchOf(names));
  }

  function schedule(): void {
    if (table.next >= due) return;
    clearTimeout(timer);
    due = table.next;
    timer = setTimeout(lapse, Math.min(Math.max(due - now(), 0) + TOGETHER, LONGEST_TIMER)).unref();
  }

  function lapse(): void {
    due = Number.POSITIVE_INFINITY;
    tell(table.lapse(now()));
    schedule();
  }

  /** As what policies of this node speak of a name. */
  function patternsFor(name: string): readonly string[] {
    const worlds = [view.rules, view.staged];
    return [...patternsOf(name)].filter((pattern) => worlds.some((rules) => hasAny(rules.ofDomain(pattern))));
  }

  function learningOf({ name, ip, ttl }: ToldAddress): Learning | undefined {
    const patterns = patternsFor(name);
    if (patterns.length === 0) return undefined;
    const seconds = Math.min(Math.max(ttl, minimumTtl), LONGEST_TTL);
    return { name, ip, until: now() + seconds * 1000, isNamed: patterns.includes(name) };
  }

  return {
    batches$: concat(
      defer(() => {
        table.lapse(now());
        schedule();
        return of(batchOf(new Set([...table.entries()].map(({ name }) => name))));
      }),
      later$,
    ),
    learn(told) {
      const entries = told.map(learningOf).filter((one) => one !== undefined);
      const changed = table.learn(entries);
      tell(changed);
      schedule();
      return { entries, isNews: changed.size > 0, saved: journal.write(entries) };
    },
    forget(isOver) {
      const over = [...table.entries()].filter(
        ({ name, ip, isLapsed }) => isLapsed && (isOver(ip) || patternsFor(name).length === 0),
      );
      if (over.length === 0) return;
      for (const { name, ip } of over) table.forget(name, ip);
      tell(new Set(over.map(({ name }) => name)));
      void journal.write(over.map(({ name, ip }) => ({ name, ip, until: undefined })));
    },
    close() {
      clearTimeout(timer);
      later$.complete();
    },
  };
}

function hasAny(items: Iterable<unknown>): boolean {
  for (const _ of items) return true;
  return false;
}
