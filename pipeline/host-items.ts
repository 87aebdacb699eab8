import { isEqual } from "#base/equal.ts";
import type { Contributor } from "./engine.ts";
import type { HostItem } from "./feature.ts";
import type { HostRoute, HostServices, HostState } from "./host-state.ts";

/** What all contributors say of the host, made one. A change costs what is of its kind, for there may be many services. */
export interface HostItems {
  add(contributor: Contributor, item: HostItem): void;
  withdraw(contributor: Contributor, item: HostItem): void;
  /** The state as it is now; the same object as long as nothing has changed. */
  settle(): HostState;
}

type ItemType = HostItem["type"];
type ItemsByKey = Map<string, HostItem>;

const TYPES_OF_SERVICES: ReadonlySet<ItemType> = new Set(["service-port", "health-check"]);

export function createHostItems(): HostItems {
  const ofNode: ItemsByKey = new Map();
  const ofServices: ItemsByKey = new Map();
  const touched = new Set<ItemsByKey>();
  const itemsFor = ({ type }: HostItem): ItemsByKey => {
    const items = TYPES_OF_SERVICES.has(type) ? ofServices : ofNode;
    touched.add(items);
    return items;
  };
  let state = stateOf(ofNode, servicesOf(ofServices));

  return {
    add: (contributor, item) => void itemsFor(item).set(keyOf(contributor, item), item),
    withdraw: (contributor, item) => void itemsFor(item).delete(keyOf(contributor, item)),
    settle() {
      if (touched.size === 0) return state;
      const services = touched.has(ofServices) ? servicesOf(ofServices) : state.services;
      const next = touched.has(ofNode) ? stateOf(ofNode, services) : { ...state, services };
      touched.clear();
      if (!isEqual(next, state)) state = next;
      return state;
    },
  };
}

function keyOf(contributor: Contributor, item: HostItem): string {
  return `${contributor} ${item.type} ${nameOf(item)}`;
}

function nameOf(item: HostItem): string {
  switch (item.type) {
    case "route":
      return item.route.destination;
    case "node-address":
      return item.address;
    case "service-port":
      return `${item.at} ${item.port}`;
    case "health-check":
      return String(item.port);
    default:
      return item.cidr;
  }
}

/** Of two that want one thing otherwise the first contributor by name has its way, as with flows. */
function inOrder(items: ItemsByKey): readonly HostItem[] {
  return [...items].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, item]) => item);
}

function stateOf(items: ItemsByKey, services: HostServices): HostState {
  const gatewayAddresses = new Set<string>();
  const routes = new Map<string, HostRoute>();
  const localPodCidrs = new Set<string>();
  const podCidrs = new Set<string>();
  const nodeAddresses = new Set<string>();
  for (const item of inOrder(items)) {
    if (item.type === "gateway-address") gatewayAddresses.add(item.cidr);
    else if (item.type === "route") routes.set(item.route.destination, item.route);
    else if (item.type === "node-address") nodeAddresses.add(item.address);
    else if (item.type === "pod-cidr") {
      podCidrs.add(item.cidr);
      if (item.local) localPodCidrs.add(item.cidr);
    }
  }
  return {
    gatewayAddresses: [...gatewayAddresses].sort(),
    routes: new Map([...routes].sort(([a], [b]) => (a < b ? -1 : 1))),
    localPodCidrs: [...localPodCidrs].sort(),
    podCidrs: [...podCidrs].sort(),
    nodeAddresses: [...nodeAddresses].sort(),
    services,
  };
}

function servicesOf(items: ItemsByKey): HostServices {
  const ports = { node: new Set<string>(), own: new Set<string>(), outside: new Set<string>() };
  const balancedAddresses = new Set<string>();
  const healthChecks = new Map<number, string>();
  const checks: [string, number, string][] = [];
  for (const [key, item] of items) {
    if (item.type === "health-check") checks.push([key, item.port, item.service]);
    if (item.type !== "service-port") continue;
    ports[item.at].add(item.port);
    if (item.balanced !== undefined) balancedAddresses.add(item.balanced);
  }
  for (const [, port, service] of checks.sort(([a], [b]) => (a < b ? 1 : -1))) healthChecks.set(port, service);
  return {
    ...{ nodePorts: ports.node, ownPorts: ports.own, outsidePorts: ports.outside },
    ...{ balancedAddresses, healthChecks },
  };
}
