import { isEqual } from "#base/equal.ts";
import { createBackendIndex } from "../index/backend-index.ts";
import { createDomainIndex } from "../index/domain-index.ts";
import { createRuleIndex } from "../index/rule-index.ts";
import { createSelectionIndex } from "../index/selection-index.ts";
import { createStagedRuleIndex } from "../index/staged-rules.ts";
import { type Ingested, ingest } from "../ingest/ingest.ts";
import type { Problem } from "../problem.ts";
import { KINDS, type Kind, type RawChange, type SourceBatch } from "../source.ts";
import type { ModelChange, ModelOf, ObjectChange, View } from "./model.ts";

type Tables = { readonly [K in Kind]: Map<string, ModelOf[K]> };

/** The model: what all sources said last, parsed. */
export interface ModelStore {
  readonly view: View;
  /** By object: what is wrong with it as it is now. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  /** Every source that was expected has been complete once. */
  isSynced(): boolean;
  /** Takes a batch in; returns what really changed, objects first and then what follows from them. Repeats and deletes of the unknown change nothing. */
  apply(batch: SourceBatch): readonly ModelChange[];
}

export function createModelStore(expectedSources: readonly string[]): ModelStore {
  const tables = Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as unknown as Tables;
  const problems = new Map<string, readonly Problem[]>();
  const selections = createSelectionIndex();
  const rules = createRuleIndex(tables, selections);
  const staged = createStagedRuleIndex(tables, selections);
  const backends = createBackendIndex();
  const domains = createDomainIndex(tables);
  const ignoredServices = new Map<string, string>();
  const missing = new Set(expectedSources);

  function applyOne(source: string, raw: RawChange): ObjectChange | undefined {
    const parsed = ingest(source, raw, tables[raw.kind].get(raw.key));
    const place = `${raw.kind} ${raw.key}`;
    if (parsed.problems.length > 0) problems.set(place, parsed.problems);
    else problems.delete(place);
    if (parsed.ignored !== undefined) ignoredServices.set(raw.key, parsed.ignored);
    else if (raw.kind === "Service") ignoredServices.delete(raw.key);
    return store(tables, raw, parsed);
  }

  return {
    view: { ...tables, selections, rules, staged, backends, domains, ignoredServices },
    problems,
    isSynced: () => missing.size === 0,
    apply(batch) {
      const changes: ObjectChange[] = [];
      for (const raw of batch.changes) {
        const change = applyOne(batch.source, raw);
        if (change !== undefined) changes.push(change);
      }
      if (batch.synced) missing.delete(batch.source);
      domains.apply(changes);
      const selected = [...changes, ...selections.apply(changes)];
      return [...selected, ...rules.apply(selected), ...staged.apply(selected), ...backends.apply(changes)];
    },
  };
}

/** The one place that pairs a kind with its table; the cast joins what TypeScript cannot see as one union member. */
function store(tables: Tables, raw: RawChange, parsed: Ingested): ObjectChange | undefined {
  const table: Map<string, ModelOf[Kind]> = tables[raw.kind];
  const before = table.get(raw.key);
  const after = parsed.value;
  if (isEqual(before, after)) return undefined;
  if (after === undefined) table.delete(raw.key);
  else table.set(raw.key, after);
  return { kind: raw.kind, key: raw.key, before, after } as ObjectChange;
}
