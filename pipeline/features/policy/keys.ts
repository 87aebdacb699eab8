/** What one key of the feature stands for: an address or a port in the rules of all tiers and levels, in both directions. */
export type PolicyKey =
  /** The flow of a rule of which all parts were met. */
  | { readonly type: "rule"; readonly rule: string }
  /** A port as rules have it: see formatRulePort. */
  | { readonly type: "port"; readonly port: string }
  /** A network, or one address, of whose traffic rules speak. */
  | { readonly type: "peer"; readonly network: string }
  /** What policies say of the pod at one port of the bridge. */
  | { readonly type: "subject"; readonly port: string }
  /** What the bridge has once some policy refuses, is logged, or is staged. */
  | { readonly type: "refusing" | "logging" | "staging" };

export function writeKey(key: PolicyKey): string {
  switch (key.type) {
    case "rule":
      return `rule ${key.rule}`;
    case "port":
      return `port ${key.port}`;
    case "peer":
      return `peer ${key.network}`;
    case "subject":
      return `subject ${key.port}`;
    case "refusing":
    case "logging":
    case "staging":
      return key.type;
  }
}

/** The other way round. */
export function readKey(text: string): PolicyKey {
  const [type, what = ""] = text.split(" ");
  if (type === "rule") return { type, rule: what };
  if (type === "peer") return { type, network: what };
  if (type === "refusing" || type === "logging" || type === "staging") return { type };
  return { type: type === "port" ? "port" : "subject", port: what };
}
