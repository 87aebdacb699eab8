import type { ActionOf, LearnSpec } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import { DEFAULT_PRIORITY } from "#openflow/flow.ts";
import { widenPort } from "#openflow/ports.ts";
import { formatTable, type NameOptions } from "./names.ts";
import { formatSubfield } from "./subfield.ts";
import { formatHex, formatValue } from "./values.ts";
import { joinWords } from "./words.ts";

export function formatLearn(learn: ActionOf<"learn">, names: NameOptions): string {
  const numbers = [
    ["idle_timeout", learn.idleTimeout],
    ["hard_timeout", learn.hardTimeout],
    ["fin_idle_timeout", learn.finIdleTimeout],
    ["fin_hard_timeout", learn.finHardTimeout],
    ["priority", learn.priority === DEFAULT_PRIORITY ? undefined : learn.priority],
  ] as const;
  const { cookie, limit, resultDestination } = learn;
  return `learn(${joinWords([
    `table=${formatTable(learn.table, names)}`,
    ...numbers.map(([word, number]) => (number === undefined ? undefined : `${word}=${number}`)),
    learn.sendFlowRemoved ? "send_flow_rem" : undefined,
    learn.deleteLearned ? "delete_learned" : undefined,
    cookie === undefined ? undefined : `cookie=${formatHex(cookie)}`,
    limit === undefined ? undefined : `limit=${limit}`,
    resultDestination === undefined ? undefined : `result_dst=${formatSubfield(resultDestination, names)}`,
    ...learn.specs.map((spec) => formatSpec(spec, names)),
  ])})`;
}

function formatSpec(spec: LearnSpec, names: NameOptions): string {
  if (spec.type === "output") return `output:${formatSubfield(spec.source, names)}`;
  const { type, source, destination } = spec;
  const place = formatSubfield(destination, names);
  if (type === "load")
    return `load:${typeof source === "object" ? formatSubfield(source, names) : formatHex(source)}->${place}`;
  const { field, start, bits } = destination;
  if (typeof source === "object")
    return source.field === field && source.start === start ? place : `${place}=${formatSubfield(source, names)}`;
  const { significantBits, format } = FIELDS[field];
  if (start !== 0 || bits !== significantBits) return `${place}=${formatHex(source)}`;
  const value = format === "port" && bits === 16 ? widenPort(Number(source)) : source;
  return `${field}=${formatValue(field, value, undefined, names)}`;
}
