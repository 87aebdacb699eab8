import type { Labels } from "./model.ts";

export type Operator = "In" | "NotIn" | "Exists" | "DoesNotExist";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted, without repeats; empty for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/**
 * What labels must be like (metav1.LabelSelector): all requirements hold. `matchLabels` are requirements with one value.
 * Requirements are sorted and none is there twice, so selectors that say the same have the same `text`.
 */
export interface LabelSelector {
  /** As kubectl writes selectors: "app in (api,web),!canary,tier"; empty for the selector of everything. */
  readonly text: string;
  readonly requirements: readonly LabelRequirement[];
}

export const EVERYTHING: LabelSelector = { text: "", requirements: [] };

export function createSelector(requirements: readonly LabelRequirement[]): LabelSelector {
  const byText = new Map(requirements.map((requirement) => [formatRequirement(requirement), requirement]));
  const sorted = [...byText].sort(([a], [b]) => (a < b ? -1 : 1));
  return { text: sorted.map(([text]) => text).join(","), requirements: sorted.map(([, requirement]) => requirement) };
}

export function isSelected({ requirements }: LabelSelector, labels: Labels): boolean {
  return requirements.every((requirement) => isMet(requirement, labels.get(requirement.key)));
}

/** NotIn and DoesNotExist hold for labels that are not there (labels.Requirement of apimachinery). */
export function isMet({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "In":
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(",")})`;
    case "NotIn":
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
  }
}
