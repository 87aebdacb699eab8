import { DIRECTIONS, type Policy } from "../model/policy.ts";
import { ENFORCEMENTS, type LoggedDecisions, NO_EXTRAS, type PolicyExtras, rulePlace } from "../model/policy-extras.ts";
import type { Reader } from "./reader.ts";

/** All annotations of ours on policies begin so. */
export const POLICY_ANNOTATIONS = "policy.weir.dev/";
const KNOWN = ["enforcement", "deny", "log", "new-connections-per-second"] as const;
type Annotation = (typeof KNOWN)[number];

/**
 * What the annotations say; undefined where there are none of ours. What cannot be read is a problem, and the policy denies no
 * less than it would without, or by whatever might be meant: it is enforced, drops what it denies, and lets through the least of
 * new connections.
 */
export function readPolicyExtras(reader: Reader, kind: Policy["kind"]): PolicyExtras | undefined {
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
    absent: T,
    unreadable = absent,
  ): T => {
    const text = annotations.get(POLICY_ANNOTATIONS + annotation);
    if (text === undefined) return absent;
    return reader.parsed(fieldOf(POLICY_ANNOTATIONS + annotation), text, parse, expected) ?? unreadable;
  };
  const isEnforcement = (text: string) => ENFORCEMENTS.find((one) => one === text);
  return {
    enforcement: read("enforcement", isEnforcement, ENFORCEMENTS.join(", "), NO_EXTRAS.enforcement),
    refuses: read("deny", (text) => DENY.get(text), "drop or reject", NO_EXTRAS.refuses),
    log: read("log", (text) => parseLog(text, decisionsOf(reader, kind)), EXPECTED_LOG[kind], NO_EXTRAS.log),
    rate: read("new-connections-per-second", parseRate, RATE, NO_EXTRAS.rate, LOWEST_RATE),
  };
}

const DENY = new Map([
  ["drop", false],
  ["reject", true],
]);

const LOWEST_RATE = 1;
const HIGHEST_RATE = 1_000_000;
const RATE = `a whole number from ${LOWEST_RATE} to ${HIGHEST_RATE}`;

function parseRate(text: string): number | undefined {
  const rate = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  return rate >= LOWEST_RATE && rate <= HIGHEST_RATE ? rate : undefined;
}

const DENIED = "denied";
const EXPECTED_LOG = {
  NetworkPolicy: "all, or some of its rules and denied, such as ingress[0], egress[2], denied,",
  ClusterNetworkPolicy: "all, or some of its rules, such as ingress[0], egress[2],",
} as const satisfies Record<Policy["kind"], string>;

/** Rules by their places, and of a NetworkPolicy what it denies for want of one. */
function decisionsOf(reader: Reader, kind: Policy["kind"]): ReadonlySet<string> {
  const places = DIRECTIONS.flatMap((direction) => {
    const rules = reader.at(`spec.${direction}`);
    return Array.isArray(rules) ? rules.map((_rule, index) => rulePlace(direction, index)) : [];
  });
  return new Set(kind === "NetworkPolicy" ? [...places, DENIED] : places);
}

function parseLog(text: string, decisions: ReadonlySet<string>): LoggedDecisions | undefined {
  if (text.trim() === "all") return { rules: "all", denied: true };
  const named = text.split(",").map((one) => one.trim());
  if (!named.every((one) => decisions.has(one))) return undefined;
  return { rules: named.filter((one) => one !== DENIED), denied: named.includes(DENIED) };
}

function fieldOf(annotation: string): string {
  return `metadata.annotations[${annotation}]`;
}
