import type { Labels } from "../model/model.ts";
import type { PodSelection } from "../model/policy.ts";

/** A selection that policies name, and the pods it holds. */
export interface Selection extends PodSelection {
  readonly members: Set<string>;
  /** How many policies name it. */
  policies: number;
}

/** The pods of a namespace that have the same labels: whoever selects one of them selects all. */
export interface Group {
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly pods: Set<string>;
  /** The keys of the selections that hold them. */
  readonly selections: Set<string>;
}

/** A text that labels share when they are the same, and no others do, whatever stands in them. */
export function signatureOf(labels: Labels): string {
  if (labels.size === 0) return "";
  const parts: string[] = [];
  for (const [key, value] of labels) parts.push(`${key.length}:${key}${value.length}:${value}`);
  return parts.length === 1 ? parts[0]! : parts.sort().join("");
}
