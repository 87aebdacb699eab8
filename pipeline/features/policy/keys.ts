import type { Direction } from "../../model/policy.ts";

/** What one key of the feature stands for. */
export type PolicyKey =
  /** The flow of a rule of which all parts were met. */
  | { readonly type: "rule"; readonly rule: string }
  /** A port as the rules of a direction have it: see formatRulePort. */
  | { readonly type: "port"; readonly direction: Direction; readonly port: string }
  /** A network, or one address, with which the rules of a direction allow traffic. */
  | { readonly type: "peer"; readonly direction: Direction; readonly network: string }
  /** What policies say of the pod at one port of the bridge. */
  | { readonly type: "subject"; readonly port: string };

export function writeKey(key: PolicyKey): string {
  switch (key.type) {
    case "rule":
      return `rule ${key.rule}`;
    case "port":
      return `port ${key.direction} ${key.port}`;
    case "peer":
      return `peer ${key.direction} ${key.network}`;
    case "subject":
      return `subject ${key.port}`;
  }
}

/** The other way round. */
export function readKey(text: string): PolicyKey {
  const [type, first = "", second = ""] = text.split(" ");
  if (type === "rule") return { type, rule: first };
  if (type === "subject") return { type, port: first };
  const direction = first as Direction;
  return type === "port" ? { type, direction, port: second } : { type: "peer", direction, network: second };
}
