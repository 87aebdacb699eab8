import type { Direction } from "../model/policy.ts";
import { MultiMap } from "./multi-map.ts";
import { formatRulePort, type Rule, type Rules } from "./rules.ts";

/** Rules by each of their parts. */
export interface PartIndex extends Pick<Rules, "ofSubject" | "ofPeer" | "ofNetwork" | "ofPort" | "portKeys"> {
  add(rule: Rule): void;
  remove(rule: Rule): void;
}

export function createPartIndex(): PartIndex {
  const subjects = new MultiMap<string, Rule>();
  const peers = new MultiMap<string, Rule>();
  const networks = new MultiMap<string, Rule>();
  const ports = new MultiMap<string, Rule>();
  const place = (direction: Direction, part: string): string => `${direction} ${part}`;

  function* placesOf({ direction, policy, peers: among, ports: at }: Rule): Iterable<[MultiMap<string, Rule>, string]> {
    yield [subjects, place(direction, policy.subject.key)];
    for (const selection of among?.selections ?? []) yield [peers, place(direction, selection)];
    for (const network of among?.networks ?? []) yield [networks, place(direction, network)];
    for (const port of at ?? []) yield [ports, place(direction, formatRulePort(port))];
  }

  return {
    add(rule) {
      for (const [map, key] of placesOf(rule)) map.add(key, rule);
    },
    remove(rule) {
      for (const [map, key] of placesOf(rule)) map.delete(key, rule);
    },
    ofSubject: (selectionKey, direction) => subjects.get(place(direction, selectionKey)),
    ofPeer: (selectionKey, direction) => peers.get(place(direction, selectionKey)),
    ofNetwork: (network, direction) => networks.get(place(direction, network)),
    ofPort: (port, direction) => ports.get(place(direction, port)),
    *portKeys(direction) {
      const prefix = place(direction, "");
      for (const key of ports.keys()) if (key.startsWith(prefix)) yield key.slice(prefix.length);
    },
  };
}
