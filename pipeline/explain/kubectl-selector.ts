import { createSelector, type LabelRequirement, type LabelSelector } from "../model/label-selector.ts";

const KEY = "[A-Za-z0-9][-A-Za-z0-9_./]*";
const VALUE = "[-A-Za-z0-9_.]*";
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(\\s*(${VALUE}(?:\\s*,\\s*${VALUE})*)\\s*\\)$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})$`);
const PRESENCE = new RegExp(`^(!?)\\s*(${KEY})$`);

/** Parses "app=web,tier!=db,env in (a,b),!old" as kubectl does; undefined for anything else. */
export function parseSelector(text: string): LabelSelector | undefined {
  const requirements = splitOutsideOfBrackets(text).map((part) => parseRequirement(part.trim()));
  return requirements.every((one) => one !== undefined) ? createSelector(requirements) : undefined;
}

function splitOutsideOfBrackets(text: string): readonly string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string): LabelRequirement | undefined {
  const [, setKey, word, list] = SET.exec(text) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = [...new Set(list.split(",").map((value) => value.trim()))].sort();
    return { key: setKey, operator: word === "in" ? "In" : "NotIn", values };
  }
  const [, key, sign, value] = EQUALITY.exec(text) ?? [];
  if (key !== undefined && value !== undefined)
    return { key, operator: sign === "!=" ? "NotIn" : "In", values: [value] };
  const [, not, present] = PRESENCE.exec(text) ?? [];
  if (present === undefined) return undefined;
  return { key: present, operator: not === "!" ? "DoesNotExist" : "Exists", values: [] };
}
