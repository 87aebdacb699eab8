import { MultiMap } from "./multi-map.ts";
import { formatRulePort, type Rule, type Rules } from "./rules.ts";

/** Rules by each of their parts. */
export interface PartIndex
  extends Pick<Rules, "ofSubject" | "ofPeer" | "ofNetwork" | "ofDomain" | "ofPort" | "portKeys"> {
  add(rule: Rule): void;
  remove(rule: Rule): void;
}

export function createPartIndex(): PartIndex {
  const subjects = new MultiMap<string, Rule>();
  const peers = new MultiMap<string, Rule>();
  const networks = new MultiMap<string, Rule>();
  const domains = new MultiMap<string, Rule>();
  const ports = new MultiMap<string, Rule>();

  function* placesOf({ subject, peers: among, ports: at }: Rule): Iterable<[MultiMap<string, Rule>, string]> {
    yield [subjects, subject];
    for (const selection of among?.selections ?? []) yield [peers, selection];
    for (const network of among?.networks ?? []) yield [networks, network];
    for (const domain of among?.domains ?? []) yield [domains, domain];
    for (const port of at ?? []) yield [ports, formatRulePort(port)];
  }

  return {
    add(rule) {
      for (const [map, key] of placesOf(rule)) map.add(key, rule);
    },
    remove(rule) {
      for (const [map, key] of placesOf(rule)) map.delete(key, rule);
    },
    ofSubject: (selectionKey) => subjects.get(selectionKey),
    ofPeer: (selectionKey) => peers.get(selectionKey),
    ofNetwork: (network) => networks.get(network),
    ofDomain: (pattern) => domains.get(pattern),
    ofPort: (port) => ports.get(port),
    portKeys: () => ports.keys(),
  };
}
