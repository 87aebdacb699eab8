import { differenceOf } from "#base/lists.ts";
import { MultiMap } from "./multi-map.ts";
import { formatRulePort, type Rule, type Rules } from "./rules.ts";

/** Rules by each of their parts. It holds their keys: a rule that changes moves only where its parts do. */
export interface PartIndex
  extends Pick<Rules, "ofSubject" | "ofPeer" | "ofNetwork" | "ofDomain" | "ofPort" | "portKeys"> {
  /** A rule before and now: the same key, where there are both. */
  move(before: Rule | undefined, after: Rule | undefined): void;
}

type Parts = { readonly [P in "subjects" | "peers" | "networks" | "domains" | "ports"]: readonly string[] };

export function createPartIndex(rules: ReadonlyMap<string, Rule>): PartIndex {
  const places: { readonly [P in keyof Parts]: MultiMap<string, string> } = {
    ...{ subjects: new MultiMap(), peers: new MultiMap() },
    ...{ networks: new MultiMap(), domains: new MultiMap(), ports: new MultiMap() },
  };

  function* rulesAt(place: keyof Parts, part: string): Iterable<Rule> {
    for (const key of places[place].get(part)) yield rules.get(key)!;
  }
  return {
    move(before, after) {
      const key = (after ?? before)?.key;
      if (key === undefined) return;
      const [old, now] = [partsOf(before), partsOf(after)];
      for (const place of ["subjects", "peers", "networks", "domains", "ports"] as const) {
        const { added, removed } = differenceOf(old[place], now[place]);
        for (const part of removed) places[place].delete(part, key);
        for (const part of added) places[place].add(part, key);
      }
    },
    ofSubject: (selectionKey) => rulesAt("subjects", selectionKey),
    ofPeer: (selectionKey) => rulesAt("peers", selectionKey),
    ofNetwork: (network) => rulesAt("networks", network),
    ofDomain: (pattern) => rulesAt("domains", pattern),
    ofPort: (port) => rulesAt("ports", port),
    portKeys: () => places.ports.keys(),
  };
}

const NOTHING: Parts = { subjects: [], peers: [], networks: [], domains: [], ports: [] };

function partsOf(rule: Rule | undefined): Parts {
  if (rule === undefined) return NOTHING;
  const { subject, peers, ports } = rule;
  return {
    subjects: [subject],
    ...{ peers: peers?.selections ?? [], networks: peers?.networks ?? [], domains: peers?.domains ?? [] },
    ports: ports?.map(formatRulePort) ?? [],
  };
}
