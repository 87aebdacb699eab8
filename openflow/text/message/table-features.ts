import type { FieldName } from "#openflow/fields.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import type { TableAbilities, TableStats } from "#openflow/messages/tables.ts";
import { nameActions, nameInstructions, numbersOf } from "./capabilities.ts";
import { sortFields } from "./field-names.ts";
import { formatNames } from "./name-list.ts";
import { MISS_SETTINGS } from "./tables.ts";
import { type Context, isSince, refuse, shortHex } from "./words.ts";

export interface ActionFeatures {
  readonly actions: readonly string[];
  /** What set_field may set. */
  readonly fields: readonly string[];
}

export interface InstructionFeatures {
  readonly instructions: readonly string[];
  readonly nextTables: ReadonlySet<number>;
  readonly write: ActionFeatures;
  readonly apply: ActionFeatures;
}

/** What a table can do, and what it counted, as far as its version tells. */
export interface TableView {
  readonly table: number;
  readonly name: string;
  readonly command?: string;
  readonly stats?: { readonly activeCount: number; readonly lookupCount: bigint; readonly matchedCount: bigint };
  readonly metadataMatch: bigint;
  readonly metadataWrite: bigint;
  readonly missConfig?: string;
  readonly eviction?: boolean;
  readonly vacancyEvents?: boolean;
  readonly maxEntries: number;
  readonly nonmiss: InstructionFeatures;
  readonly miss: InstructionFeatures;
  readonly match: readonly string[];
  readonly masked: ReadonlySet<string>;
  readonly wildcards: ReadonlySet<string>;
}

const NO_ACTIONS: ActionFeatures = { actions: [], fields: [] };
export const NO_INSTRUCTIONS: InstructionFeatures = {
  instructions: [],
  nextTables: new Set(),
  write: NO_ACTIONS,
  apply: NO_ACTIONS,
};
export const NO_FEATURES = {
  name: "",
  metadataMatch: 0n,
  metadataWrite: 0n,
  maxEntries: 0,
  nonmiss: NO_INSTRUCTIONS,
  miss: NO_INSTRUCTIONS,
  match: [],
  masked: new Set<string>(),
  wildcards: new Set<string>(),
} as const;

/** Tables like the one before them are gathered into one line. */
export function formatTables(tables: readonly TableView[]): string {
  let text = "";
  let ditto: { readonly first: number; readonly last: number } | undefined;
  let previous: TableView | undefined;
  for (const view of tables) {
    if (previous === undefined && view.command !== undefined && view.command !== "replace")
      text += `\n  command: ${view.command}`;
    if (isLike(view, previous) && view.name === "") ditto = { first: ditto?.first ?? view.table, last: view.table };
    else {
      text += `${formatDitto(ditto)}${formatTable(view, previous)}`;
      ditto = undefined;
    }
    previous = view;
  }
  return text + formatDitto(ditto);
}

function formatDitto(ditto: { readonly first: number; readonly last: number } | undefined): string {
  if (ditto === undefined) return "";
  const { first, last } = ditto;
  return first === last ? `\n  table ${first}: ditto\n` : `\n  tables ${first}...${last}: ditto\n`;
}

function isLike(view: TableView, previous: TableView | undefined): boolean {
  return previous !== undefined && hasSameStats(view, previous) && hasSameFeatures(view, previous);
}

function hasSameStats({ stats: a }: TableView, previous: TableView | undefined): boolean {
  const b = previous?.stats;
  if (a === undefined) return true;
  return (
    b !== undefined &&
    a.activeCount === b.activeCount &&
    a.lookupCount === b.lookupCount &&
    a.matchedCount === b.matchedCount
  );
}

function hasSameFeatures(a: TableView, b: TableView): boolean {
  return (
    a.metadataMatch === b.metadataMatch &&
    a.metadataWrite === b.metadataWrite &&
    a.missConfig === b.missConfig &&
    a.eviction === b.eviction &&
    a.vacancyEvents === b.vacancyEvents &&
    a.maxEntries === b.maxEntries &&
    isSame(a.nonmiss, a.table, b.nonmiss, b.table) &&
    isSame(a.miss, a.table, b.miss, b.table) &&
    isEqualList(a.match, b.match)
  );
}

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function isSameActions(a: ActionFeatures, b: ActionFeatures): boolean {
  return isEqualList(a.actions, b.actions) && isEqualList(a.fields, b.fields);
}

function isSame(a: InstructionFeatures, aTable: number, b: InstructionFeatures, bTable: number): boolean {
  return (
    leadsAlike(a.nextTables, aTable, b.nextTables, bTable) &&
    isEqualList(a.instructions, b.instructions) &&
    isSameActions(a.write, b.write) &&
    isSameActions(a.apply, b.apply)
  );
}

/** Of two neighbours the first may lead to the second, which cannot lead to itself. */
function leadsAlike(a: ReadonlySet<number>, aTable: number, b: ReadonlySet<number>, bTable: number): boolean {
  if (aTable === bTable + 1) return leadsAlike(b, bTable, a, aTable);
  const own = bTable === aTable + 1 && a.has(bTable) && !b.has(bTable) ? bTable : undefined;
  return a.size - (own === undefined ? 0 : 1) === b.size && [...b].every((table) => a.has(table));
}

function isNothing({ nextTables, instructions, write, apply }: InstructionFeatures): boolean {
  return (
    nextTables.size === 0 &&
    instructions.length === 0 &&
    isSameActions(write, NO_ACTIONS) &&
    isSameActions(apply, NO_ACTIONS)
  );
}

function formatTable(view: TableView, previous: TableView | undefined): string {
  const { table, name, stats } = view;
  const head = `\n  table ${table}${name === "" ? "" : ` ("${name}")`}:`;
  if (isLike(view, previous)) return `${head} ditto`;
  const counters =
    stats === undefined
      ? ""
      : `    active=${stats.activeCount}, lookup=${stats.lookupCount}, matched=${stats.matchedCount}\n`;
  if (previous !== undefined && hasSameFeatures(view, previous))
    return `${head}\n${counters}${hasNoFeatures(view) ? "" : "    (same features)\n"}`;
  return `${head}\n${counters}${formatAbilities(view)}${formatInstructions(view, previous)}${formatMatching(view, previous)}`;
}

function hasNoFeatures(view: TableView): boolean {
  return (
    view.metadataMatch === 0n &&
    view.metadataWrite === 0n &&
    view.missConfig === undefined &&
    view.eviction === undefined &&
    view.vacancyEvents === undefined &&
    view.maxEntries === 0 &&
    isNothing(view.nonmiss) &&
    isNothing(view.miss) &&
    view.match.length === 0
  );
}

function formatAbilities(view: TableView): string {
  const { metadataMatch, metadataWrite, missConfig, eviction, vacancyEvents, maxEntries } = view;
  const lines = [
    metadataMatch === 0n && metadataWrite === 0n
      ? undefined
      : `metadata: match=${shortHex(metadataMatch)} write=${shortHex(metadataWrite)}`,
    missConfig === undefined ? undefined : `config=${missConfig}`,
    eviction === undefined ? undefined : `eviction: ${eviction ? "" : "not "}supported`,
    vacancyEvents === undefined ? undefined : `vacancy events: ${vacancyEvents ? "" : "not "}supported`,
    maxEntries === 0 ? undefined : `max_entries=${maxEntries}`,
  ];
  return lines
    .filter((line) => line !== undefined)
    .map((line) => `    ${line}\n`)
    .join("");
}

function formatInstructions(view: TableView, previous: TableView | undefined): string {
  const { table, nonmiss, miss } = view;
  if (
    previous !== undefined &&
    isSame(nonmiss, table, previous.nonmiss, previous.table) &&
    isSame(miss, table, previous.miss, previous.table)
  )
    return isNothing(nonmiss) ? "" : "    (same instructions)\n";
  if (!isSame(nonmiss, table, miss, table))
    return (
      `    instructions (other than table miss):\n${formatFeatures(nonmiss, previous?.nonmiss)}` +
      `    instructions (table miss):\n${formatFeatures(miss, previous?.miss)}`
    );
  if (isNothing(nonmiss)) return "";
  return `    instructions (table miss and others):\n${formatFeatures(nonmiss, previous?.nonmiss)}`;
}

function formatFeatures(features: InstructionFeatures, previous: InstructionFeatures | undefined): string {
  const { nextTables, instructions, write, apply } = features;
  const next = nextTables.size === 0 ? "" : `      next tables: ${formatRanges(nextTables)}\n`;
  return `${next}${formatOwnInstructions(instructions, previous?.instructions)}${formatActions(write, apply, previous)}`;
}

function formatOwnInstructions(own: readonly string[], previous: readonly string[] | undefined): string {
  if (own.length === 0) return "";
  if (previous !== undefined && isEqualList(own, previous)) return "      (same instructions)\n";
  return `      instructions: ${own.join(" ")}\n`;
}

function formatActions(
  write: ActionFeatures,
  apply: ActionFeatures,
  previous: InstructionFeatures | undefined,
): string {
  const isAsBefore =
    previous !== undefined && isSameActions(write, previous.write) && isSameActions(apply, previous.apply);
  if (isAsBefore && write.fields.length > 0) return "      (same actions)\n";
  if (!isSameActions(write, apply))
    return (
      `      Write-Actions features:\n${formatActionFeatures(write)}` +
      `      Apply-Actions features:\n${formatActionFeatures(apply)}`
    );
  if (isSameActions(write, NO_ACTIONS)) return "";
  return `      Write-Actions and Apply-Actions features:\n${formatActionFeatures(write)}`;
}

function formatActionFeatures({ actions, fields }: ActionFeatures): string {
  const list = actions.length === 0 ? "" : `        actions: ${actions.join(" ")}\n`;
  return fields.length === 0 ? list : `${list}        supported on Set-Field: ${formatNames(fields)}\n`;
}

/** "1-3,7" */
function formatRanges(tables: ReadonlySet<number>): string {
  const sorted = [...tables].sort((a, b) => a - b);
  const ranges: [first: number, last: number][] = [];
  for (const table of sorted) {
    const range = ranges.at(-1);
    if (range?.[1] === table - 1) range[1] = table;
    else ranges.push([table, table]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

function formatMatching(view: TableView, previous: TableView | undefined): string {
  const { match, masked, wildcards } = view;
  if (match.length === 0) return "";
  if (previous !== undefined && isEqualList(match, previous.match)) return "    (same matching)\n";
  const kinds = [
    ["arbitrary mask", match.filter((name) => masked.has(name) && wildcards.has(name))],
    ["exact match or wildcard", match.filter((name) => !masked.has(name) && wildcards.has(name))],
    ["must exact match", match.filter((name) => !masked.has(name) && !wildcards.has(name))],
  ] as const;
  const lines = kinds
    .filter(([, names]) => names.length > 0)
    .map(([title, names]) => `      ${title}: ${formatNames(names)}\n`);
  return `    matching:\n${lines.join("")}`;
}

type TableFeatures = Extract<MessageOf<"multipart_reply">, { readonly kind: "table_features" }>["body"][number];
type Properties = TableFeatures["properties"];

/** OFPTC_*. */
const EVICTION = 4;
const VACANCY_EVENTS = 8;
const ALL_TABLES = 0xff;
const REQUIRED = [
  "instructions",
  "nextTables",
  "writeActions",
  "writeSetfield",
  "applyActions",
  "applySetfield",
  "match",
  "wildcards",
] as const satisfies readonly (keyof Properties)[];

export function viewFeatures(features: TableFeatures, context: Context): TableView {
  const { table, name, command, properties, capabilities, maxEntries, metadataMatch, metadataWrite } = features;
  if (table === ALL_TABLES) refuse("table 255 is none", "OFPTFFC_BAD_TABLE");
  const isEmpty = Object.keys(properties).length === 0;
  const missing = REQUIRED.find((key) => properties[key] === undefined);
  if (missing !== undefined && !(isEmpty && isSince("1.5", context)))
    refuse(`table ${table} has no ${missing}`, "OFPTFFC_BAD_FEATURES");
  const hasConfig = isSince("1.4", context);
  const masked = namesOf(properties.match?.filter((header) => header.field !== "unknown" && header.hasMask));
  const match = namesOf(properties.match);
  return {
    table,
    name,
    command: isSince("1.5", context) ? command : "replace",
    metadataMatch,
    metadataWrite,
    ...(hasConfig
      ? { eviction: (capabilities & EVICTION) !== 0, vacancyEvents: (capabilities & VACANCY_EVENTS) !== 0 }
      : {}),
    maxEntries,
    nonmiss: viewInstructions(properties, "", context),
    miss: viewInstructions(properties, "Miss", context),
    match,
    masked: new Set(masked),
    wildcards: new Set([...namesOf(properties.wildcards), ...masked].filter((field) => match.includes(field))),
  };
}

function namesOf(headers: readonly { readonly field: FieldName | "unknown" }[] = []): readonly string[] {
  return sortFields(new Set(headers.flatMap(({ field }) => (field === "unknown" ? [] : [field]))));
}

/** A table's miss does what any flow does, where nothing else is said. */
function viewInstructions(p: Properties, suffix: "" | "Miss", context: Context): InstructionFeatures {
  const own = <
    K extends "instructions" | "nextTables" | "writeActions" | "writeSetfield" | "applyActions" | "applySetfield",
  >(
    key: K,
  ) => p[`${key}${suffix}`] ?? p[key];
  const actionsOf = (numbers: readonly number[] = []) => nameActions(new Set(numbers), context);
  return {
    instructions: nameInstructions(new Set(own("instructions") ?? [])),
    nextTables: new Set(own("nextTables") ?? []),
    write: { actions: actionsOf(own("writeActions")), fields: namesOf(own("writeSetfield")) },
    apply: { actions: actionsOf(own("applyActions")), fields: namesOf(own("applySetfield")) },
  };
}

export function viewStats({ table, abilities, ...stats }: TableStats, context: Context): TableView {
  return { ...NO_FEATURES, ...(abilities === undefined ? {} : viewAbilities(abilities, context)), table, stats };
}

function viewAbilities(abilities: TableAbilities, context: Context): Partial<TableView> {
  const { name, maxEntries, metadataMatch, metadataWrite, missConfig } = abilities;
  const actionsOf = (bits: number) => nameActions(numbersOf(bits), context);
  const fieldsOf = (fields: readonly FieldName[]) => namesOf(fields.map((field) => ({ field })));
  const nonmiss: InstructionFeatures = {
    instructions: nameInstructions(numbersOf(abilities.instructions)),
    nextTables: new Set(),
    write: { actions: actionsOf(abilities.writeActions), fields: fieldsOf(abilities.writeSetfields) },
    apply: { actions: actionsOf(abilities.applyActions), fields: fieldsOf(abilities.applySetfields) },
  };
  return {
    name,
    maxEntries,
    metadataMatch,
    metadataWrite,
    ...(missConfig === undefined ? {} : { missConfig: MISS_SETTINGS[missConfig & 3] ?? "controller" }),
    nonmiss,
    miss: nonmiss,
    match: fieldsOf(abilities.match),
    wildcards: new Set(fieldsOf(abilities.wildcards)),
  };
}
