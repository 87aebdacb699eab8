import { ingest } from "../ingest/ingest.ts";
import type { Policy } from "../model/policy.ts";
import { countsIn } from "../model/policy-extras.ts";

/** What is known of a policy beside what nodes tell of it. */
export interface PolicyFacts {
  readonly kind: Policy["kind"];
  /** "namespace/name", or "name" of one for the whole cluster. */
  readonly name: string;
  readonly generation: number;
  /** What is wrong with the object, each with its field. */
  readonly problems: readonly string[];
  /** It is judged beside what is in force, and never is itself. */
  readonly isStaged: boolean;
}

/** Of an object as the API has it: whether it can be read, and nothing of what it says. */
export function readPolicyFacts(kind: Policy["kind"], name: string, object: unknown): PolicyFacts {
  const { value, problems } = ingest("", { kind, key: name, object });
  const generation = value !== undefined && "generation" in value ? value.generation : 0;
  const isStaged = value !== undefined && "extras" in value && !countsIn("enforced", value);
  const texts = problems.map(({ field, message }) => `${field} ${message}`.trim());
  return { kind, name, generation, problems: texts, isStaged };
}
