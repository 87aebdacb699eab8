import { NO_EXTRAS, type PolicyExtras } from "../model/policy-extras.ts";
import type { Reader } from "./reader.ts";

/** All annotations of ours on policies begin so. */
export const POLICY_ANNOTATIONS = "policy.weir.dev/";
const KNOWN = ["deny"] as const;
type Annotation = (typeof KNOWN)[number];

/**
 * What the annotations say; undefined where there are none of ours. What cannot be read is a problem, and the policy denies no
 * less than it would without: enforced, and dropping what it denies.
 */
export function readPolicyExtras(reader: Reader): PolicyExtras | undefined {
  const annotations = reader.map("metadata.annotations");
  const own = [...annotations].filter(([name]) => name.startsWith(POLICY_ANNOTATIONS));
  if (own.length === 0) return undefined;
  for (const [name] of own)
    if (!KNOWN.some((known) => name === POLICY_ANNOTATIONS + known))
      reader.report(
        fieldOf(name),
        `is unknown; nothing but ${KNOWN.join(", ")} is expected behind ${POLICY_ANNOTATIONS}`,
      );
  const read = <T>(
    annotation: Annotation,
    parse: (text: string) => T | undefined,
    expected: string,
    fallback: T,
  ): T => {
    const text = annotations.get(POLICY_ANNOTATIONS + annotation);
    if (text === undefined) return fallback;
    return reader.parsed(fieldOf(POLICY_ANNOTATIONS + annotation), text, parse, expected) ?? fallback;
  };
  return {
    refuses: read("deny", (text) => DENY.get(text), "drop or reject", NO_EXTRAS.refuses),
  };
}

const DENY = new Map([
  ["drop", false],
  ["reject", true],
]);

function fieldOf(annotation: string): string {
  return `metadata.annotations[${annotation}]`;
}
