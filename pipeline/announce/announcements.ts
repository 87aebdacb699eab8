import type { Ip } from "#base/address.ts";
import { isOurClass } from "../address-pools/names.ts";
import { fnv1a } from "../index/conjunction-ids.ts";
import { type AddressPool, poolOf } from "../model/address-pool.ts";
import { EVERYTHING, isSelected } from "../model/label-selector.ts";
import type { Node, View } from "../model/model.ts";
import type { Service } from "../model/service.ts";

/** An address of a service, which nodes announce themselves. */
export interface Announcement {
  readonly ip: Ip;
  /** "namespace/name" of the service. */
  readonly service: string;
  /** On these; empty: on those whose networks hold the address. */
  readonly interfaces: readonly string[];
  /** The nodes that may, if they are alive. */
  readonly nodes: ReadonlySet<string>;
}

/** Cloud controllers and others heed it too (KEP 1143): no traffic from outside comes by this node. */
const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";

type Known = Pick<View, "AddressPool" | "Node" | "Service" | "backends">;

/** Where an address may be announced. */
type Terms = Pick<AddressPool, "nodeSelector" | "interfaces">;

const ANYWHERE: Terms = { nodeSelector: EVERYTHING, interfaces: [] };

/** All of them, by address. Of two services with one address the first by name has it. */
export function announcementsOf(view: Known): ReadonlyMap<Ip, Announcement> {
  const found = new Map<Ip, Announcement>();
  const nodesOf = memoize((pool: Terms) => new Set(announcersOf(pool, view.Node.values())));
  for (const [key, service] of view.Service)
    for (const ip of service.loadBalancerIps) {
      const pool = termsOf(service, ip, view.AddressPool);
      const before = found.get(ip);
      if (pool === undefined || (before !== undefined && before.service < key)) continue;
      const able = nodesOf(pool);
      const nodes = service.externalTrafficPolicy === "Local" ? withEndpoints(key, able, view) : able;
      found.set(ip, { ip, service: key, interfaces: pool.interfaces, nodes });
    }
  return found;
}

/** Names of the nodes that may announce the pool's addresses. */
export function* announcersOf({ nodeSelector }: Terms, nodes: Iterable<Node>): Iterable<string> {
  if (nodeSelector === undefined) return;
  for (const { name, labels } of nodes) if (isSelected(nodeSelector, labels) && !labels.has(EXCLUDED)) yield name;
}

/** Of the pool that holds the address, or else of the one that it was taken from. What was given stays, even when all are gone. */
function termsOf(
  { loadBalancerClass, assignedFrom }: Service,
  ip: Ip,
  pools: ReadonlyMap<string, AddressPool>,
): Terms | undefined {
  if (!isOurClass(loadBalancerClass)) return undefined;
  const former = assignedFrom.map((name) => pools.get(name)).find((pool) => pool !== undefined);
  return poolOf(ip, pools.values()) ?? former ?? (assignedFrom.length > 0 ? ANYWHERE : undefined);
}

/** With the policy Local a node without an endpoint has nothing to do with what comes. */
function withEndpoints(service: string, nodes: ReadonlySet<string>, { backends }: Known): ReadonlySet<string> {
  const able = new Set<string>();
  for (const { endpoints } of backends.slicesOf(service))
    for (const { nodeName, ready, serving } of endpoints)
      if (nodeName !== undefined && (ready || serving) && nodes.has(nodeName)) able.add(nodeName);
  return able;
}

function memoize<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

/**
 * Who announces, of those that are alive: everybody who sees the same nodes says the same of each address. When one goes, only its
 * addresses move, and they spread over all that are left (rendezvous hashing).
 */
export function ownerOf(ipText: string, alive: Iterable<string>): string | undefined {
  let owner: string | undefined;
  let highest = -1;
  for (const node of alive) {
    const rank = fnv1a(`${ipText} ${node}`);
    if (rank < highest || (rank === highest && owner !== undefined && node > owner)) continue;
    owner = node;
    highest = rank;
  }
  return owner;
}
