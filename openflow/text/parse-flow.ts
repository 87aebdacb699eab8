import type { Action } from "#openflow/actions.ts";
import { FlowSyntaxError } from "#openflow/errors.ts";
import { DEFAULT_PRIORITY, type Flow } from "#openflow/flow.ts";
import type { Match } from "#openflow/match.ts";
import { FLOW_FLAGS } from "./flow.ts";
import { type NameOptions, type Names, parseTable, readNames } from "./names.ts";
import { parseActionsOf } from "./parse-actions.ts";
import { MatchReader } from "./parse-match.ts";
import { fail, parseUnsigned, parseWide, splitWords, type Word } from "./syntax.ts";

/**
 * Reads a flow as `ovs-ofctl -O OpenFlow15 add-flow` does. Throws FlowSyntaxError for what it refuses, and for two things that
 * it lets pass in silence: a value with more bits than its field, and a field without its prerequisite, which ovs-ofctl drops
 * from the match.
 *
 *     parseFlow("table=10,priority=200,ip,nw_dst=10.0.0.0/8,actions=output:3")
 */
export function parseFlow(text: string, names: NameOptions = {}): Flow {
  return readFlow(text, readNames(names));
}

/** Flows a line each, with or without an "add" before it; empty lines, and what stands behind a #, are passed over. */
export function parseFlows(text: string, names: NameOptions = {}): readonly Flow[] {
  const known = readNames(names);
  return text.split("\n").flatMap((line, index) => {
    const content = line.replace(/#.*/, "").trim();
    if (content === "") return [];
    try {
      return [readFlow(content.replace(/^add\b/, ""), known)];
    } catch (error) {
      if (error instanceof FlowSyntaxError) throw new FlowSyntaxError(error.word, error.reason, index + 1);
      throw error;
    }
  });
}

/** A match alone: "tcp,nw_dst=10.0.0.0/8,tp_dst=80". */
export function parseMatch(text: string, names: NameOptions = {}): Match {
  const reader = new MatchReader(readNames(names));
  for (const word of splitWords(text)) if (!reader.take(word)) failUnknown(word);
  return reader.finish();
}

/** Actions alone, "output:3" or "drop". With the match of their flow they are held against it. */
export function parseActions(text: string, names: NameOptions = {}, match?: Match): readonly Action[] {
  return parseActionsOf(text, readNames(names), match);
}

function readFlow(text: string, names: Names): Flow {
  const start = text.indexOf("action");
  const equals = start < 0 ? -1 : text.indexOf("=", start);
  if (equals < 0) return fail(text, "actions=... is expected");
  const head = readHead(text.slice(0, start), names);
  const actions = parseActionsOf(text.slice(equals + 1), names, head.match, head.table);
  return { ...head, table: head.table ?? 0, actions };
}

type Head = Omit<Flow, "actions" | "table"> & { readonly table?: number };

/** Counters and ages, which dump-flows prints and nobody can set. */
const STATISTICS: readonly string[] = ["duration", "n_packets", "n_bytes", "idle_age", "hard_age"];
const IGNORED: readonly string[] = ["no_readonly_table", "allow_hidden_fields"];

const NUMBERS = {
  priority: "priority",
  idle_timeout: "idleTimeout",
  hard_timeout: "hardTimeout",
  importance: "importance",
} as const;

function readHead(text: string, names: Names): Head {
  const reader = new MatchReader(names);
  const head: { -readonly [K in keyof Head]: Head[K] } = { priority: DEFAULT_PRIORITY, match: [], cookie: 0n };
  let flags = 0;
  for (const word of splitWords(text)) {
    const { key, value, text: written } = word;
    const flag = FLOW_FLAGS.indexOf(key);
    if (flag >= 0) flags |= 1 << flag;
    else if (key === "table") head.table = parseTable(written, value, names);
    else if (key === "cookie") {
      if (value.includes("/")) fail(written, "a cookie without a mask is expected");
      head.cookie = parseWide(written, value, 64);
    } else if (key in NUMBERS) head[NUMBERS[key as keyof typeof NUMBERS]] = parseUnsigned(written, value, 16);
    else if (!STATISTICS.includes(key) && !IGNORED.includes(key) && !reader.take(word)) failUnknown(word);
  }
  if (flags !== 0) head.flags = flags;
  for (const name of ["idleTimeout", "hardTimeout", "importance"] as const) if (head[name] === 0) delete head[name];
  if (head.table === 255) delete head.table;
  head.match = reader.finish();
  return head;
}

function failUnknown({ key, text }: Word): never {
  return fail(text, `${key} is neither a field nor a setting of a flow`);
}
