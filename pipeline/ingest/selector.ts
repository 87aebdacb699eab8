import { createSelector, EVERYTHING, type LabelRequirement, type LabelSelector } from "../model/label-selector.ts";
import type { Reader } from "./reader.ts";

const NAME = /^(?=.{1,63}$)([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

const KEY_FORM = "a label's key such as app or example.com/app";
const VALUE_FORM = "a label's value: at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last,";

/** A metav1.LabelSelector. Undefined when anything in it is wrong: a part of a selector selects more than the whole. */
export function readSelector(around: Reader, path: string): LabelSelector | undefined {
  const reader = around.inside(path, around.at(path));
  reader.only("matchLabels", "matchExpressions");
  const equalities = [...reader.map("matchLabels")].map(([key, value]): LabelRequirement => {
    const field = `matchLabels[${key}]`;
    if (!isLabelKey(key)) reader.report(field, `is under no such key; ${KEY_FORM} is expected`);
    if (!isLabelValue(value)) reader.refuse(field, value, VALUE_FORM);
    return { key, operator: "In", values: [value] };
  });
  const expressions = reader
    .list("matchExpressions")
    .map((expression, i) => readRequirement(reader.inside(`matchExpressions[${i}]`, expression)));
  if (reader.problems.length > 0) return undefined;
  return createSelector([...equalities, ...expressions.filter((one) => one !== undefined)]);
}

/** The same where an absent selector selects what an empty one does. */
export function readSelectorOrAll(around: Reader, path: string): LabelSelector | undefined {
  return around.at(path) === undefined ? EVERYTHING : readSelector(around, path);
}

/** Undefined when anything in it is wrong. */
function readRequirement(reader: Reader): LabelRequirement | undefined {
  reader.only("key", "operator", "values");
  if (reader.problems.length > 0) return undefined;
  const key = reader.at("key");
  const operator = OPERATORS.find((one) => one === reader.at("operator"));
  if (!isLabelKey(key)) return void reader.refuse("key", key, KEY_FORM);
  if (operator === undefined)
    return void reader.refuse("operator", reader.at("operator"), `one of ${OPERATORS.join(", ")}`);
  const values = reader.list("values");
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && values.length === 0) reader.refuse("values", reader.at("values"), "one value at least");
  if (!takesValues && values.length > 0) reader.refuse("values", values, `nothing beside the operator ${operator}`);
  values.forEach((value, i) => {
    if (!isLabelValue(value)) reader.refuse(`values[${i}]`, value, VALUE_FORM);
  });
  return { key, operator, values: [...new Set(values.filter(isLabelValue))].sort() };
}

function isLabelKey(key: unknown): key is string {
  if (typeof key !== "string") return false;
  const slash = key.indexOf("/");
  return (slash < 0 || DOMAIN.test(key.slice(0, slash))) && NAME.test(key.slice(slash + 1));
}

function isLabelValue(value: unknown): value is string {
  return typeof value === "string" && (value === "" || NAME.test(value));
}
