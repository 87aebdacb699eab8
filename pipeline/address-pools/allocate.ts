import { familyOf, formatIp, type Ip, type IpFamily } from "#base/address.ts";
import { type AddressPool, poolHolds, poolOf } from "../model/address-pool.ts";
import { isSelected } from "../model/label-selector.ts";
import type { Labels } from "../model/model.ts";
import type { Problem } from "../problem.ts";
import type { BalancedService } from "./balanced-service.ts";
import { ADDRESS_REQUEST, isOurClass, LOAD_BALANCER_CLASS, POOL_REQUEST } from "./names.ts";
import { findFree, sizeOf } from "./places.ts";

export interface AllocationState {
  /** By "namespace/name"; those of others' classes too, for they may have addresses of ours. */
  readonly services: ReadonlyMap<string, BalancedService>;
  readonly pools: ReadonlyMap<string, AddressPool>;
  readonly namespaces: ReadonlyMap<string, Labels>;
  /** Addresses of nodes: nobody gets one of them. */
  readonly reserved: ReadonlySet<Ip>;
}

/** What a service's status is to say. */
export interface Assignment {
  readonly ips: readonly Ip[];
  /** Names of the pools that these are of. */
  readonly pools: readonly string[];
}

export interface PoolUse {
  readonly assigned: number;
  readonly free: bigint;
}

export interface Allocation {
  /** Of the services whose status says otherwise. */
  readonly assignments: ReadonlyMap<string, Assignment>;
  readonly problems: readonly Problem[];
  readonly pools: ReadonlyMap<string, PoolUse>;
}

/**
 * Who gets which address. It follows from what services have and ask for, and from nothing else: an address that a service has stays
 * its own, whatever becomes of pools, until it asks for another. Carried out, it gives itself again.
 */
export function allocate(state: AllocationState): Allocation {
  const round = createRound(state);
  const assignments = new Map<string, Assignment>();
  for (const [key, service] of inOrder(state.services)) {
    round.problems.push(...service.problems);
    if (!isOurs(service, state)) continue;
    const chosen = service.families.map((family) => choose(round, key, service, family));
    const ips = chosen.filter((ip) => ip !== undefined);
    const names = ips.map((ip) => poolOf(ip, state.pools.values())?.name);
    const known = names.filter((name) => name !== undefined);
    // Of a pool that is gone, or holds it no more, the name stays: that makes the address ours.
    const pools = [...new Set(known.length < ips.length ? [...known, ...service.assignedFrom] : known)];
    if (!isEqualList(ips, service.ips) || !isEqualList(pools, service.assignedFrom))
      assignments.set(key, { ips, pools });
  }
  return { assignments, problems: round.problems, pools: usesOf(round) };
}

interface Round {
  readonly state: AllocationState;
  /** Who has an address, as far as it is known by now. One that is left is not given away before the next time. */
  readonly holders: Map<Ip, string>;
  /** "pool family" of those that have no free address. */
  readonly full: Set<string>;
  readonly problems: Problem[];
}

/** Of two services that have one address the first by name has it; the other gets another. */
function createRound(state: AllocationState): Round {
  const holders = new Map<Ip, string>();
  for (const [key, { ips }] of [...state.services].sort(byName))
    for (const ip of ips) if (!holders.has(ip)) holders.set(ip, key);
  return { state, holders, full: new Set(), problems: [] };
}

/** Who asks for a certain address comes first: nobody else gets it meanwhile. */
function inOrder(services: ReadonlyMap<string, BalancedService>): readonly (readonly [string, BalancedService])[] {
  const asks = ({ requests }: BalancedService): number => (requests.length > 0 ? 0 : 1);
  return [...services].sort((a, b) => asks(a[1]) - asks(b[1]) || byName(a, b));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** One without a class that has addresses of no pool of ours is another's. */
function isOurs({ loadBalancerClass, ips, isForeign, assignedFrom }: BalancedService, state: AllocationState): boolean {
  if (loadBalancerClass === LOAD_BALANCER_CLASS) return true;
  if (!isOurClass(loadBalancerClass) || isForeign) return false;
  return assignedFrom.length > 0 || ips.every((ip) => poolOf(ip, state.pools.values()) !== undefined);
}

/** The service's address of a family from now on. */
function choose(round: Round, key: string, service: BalancedService, family: IpFamily): Ip | undefined {
  const { state, holders } = round;
  const current = service.ips.find((ip) => familyOf(ip) === family && holders.get(ip) === key);
  const request = service.requests.find(({ ip }) => familyOf(ip) === family);
  if (request !== undefined && request.ip !== current) {
    const why = refusalOf(round, key, service, request.ip);
    if (why === undefined) return take(round, key, request.ip);
    round.problems.push(problem(key, request.field, `asks for ${formatIp(request.ip)}, ${why}`));
    return current;
  }
  if (current === undefined) return fromPools(round, key, service, family);
  if (poolOf(current, state.pools.values()) === undefined) round.problems.push(stranded(key, current));
  const wanted = service.poolRequest === undefined ? undefined : state.pools.get(service.poolRequest);
  if (request !== undefined || wanted === undefined || poolHolds(wanted, current)) return current;
  return fromPools(round, key, service, family) ?? current;
}

function fromPools(round: Round, key: string, service: BalancedService, family: IpFamily): Ip | undefined {
  const { state, holders, full } = round;
  const pools = poolsFor(state, service).filter((pool) => sizeOf(pool, family) > 0n);
  const isTaken = (ip: Ip): boolean => holders.has(ip) || state.reserved.has(ip);
  for (const pool of pools) {
    const place = `${pool.name} ${family}`;
    const ip = full.has(place) ? undefined : findFree(pool, family, key, isTaken);
    if (ip !== undefined) return take(round, key, ip);
    full.add(place);
  }
  const trouble = nothingFor(state, service, family, pools);
  if (trouble !== undefined) round.problems.push(problem(key, trouble.field, trouble.message));
  return undefined;
}

function take({ holders }: Round, key: string, ip: Ip): Ip {
  holders.set(ip, key);
  return ip;
}

/** Why the service cannot have the address that it asks for. */
function refusalOf({ state, holders }: Round, key: string, service: BalancedService, ip: Ip): string | undefined {
  const holder = holders.get(ip);
  if (holder !== undefined && holder !== key) return `which ${holder} has; ask for another`;
  if (state.reserved.has(ip)) return "which is a node's own; ask for another";
  const holding = [...state.pools.values()].filter((pool) => poolHolds(pool, ip));
  if (holding.length === 0) return "which is in no address pool; add it to one, or ask for another";
  if (holding.some((pool) => mayUse(state, service, pool))) return undefined;
  const names = holding.map(({ name }) => name).join(", ");
  return `which is of address pool ${names}, and that is not for this service: see its selectors, and annotation ${POOL_REQUEST}`;
}

/** Those that the service may use, and that need not be asked for; the ones that are meant for some first. */
function poolsFor(state: AllocationState, service: BalancedService): readonly AddressPool[] {
  const isGeneral = ({ serviceSelector, namespaceSelector }: AddressPool): number =>
    serviceSelector?.text === "" && namespaceSelector?.text === "" ? 1 : 0;
  return [...state.pools.values()]
    .filter((pool) => (pool.autoAssign || service.poolRequest !== undefined) && mayUse(state, service, pool))
    .sort((a, b) => isGeneral(a) - isGeneral(b) || (a.name < b.name ? -1 : 1));
}

function mayUse({ namespaces }: AllocationState, service: BalancedService, pool: AddressPool): boolean {
  const { serviceSelector, namespaceSelector, terminating, name } = pool;
  const labels = namespaces.get(service.namespace);
  if (terminating || labels === undefined || (service.poolRequest ?? name) !== name) return false;
  if (serviceSelector === undefined || namespaceSelector === undefined) return false;
  return isSelected(serviceSelector, service.labels) && isSelected(namespaceSelector, labels);
}

/** Nothing is wrong with a service that may be meant for another's balancer, where no pool of the family is. */
function nothingFor(
  { pools }: AllocationState,
  { loadBalancerClass, poolRequest, requests }: BalancedService,
  family: IpFamily,
  tried: readonly AddressPool[],
): { readonly field: string; readonly message: string } | undefined {
  const isCertain = loadBalancerClass !== undefined || poolRequest !== undefined || requests.length > 0;
  if (!isCertain && ![...pools.values()].some((pool) => sizeOf(pool, family) > 0n)) return undefined;
  const field = poolRequest === undefined ? "spec.type" : `metadata.annotations[${POOL_REQUEST}]`;
  const lacks = `gets no IPv${family} address:`;
  const names = tried.map(({ name }) => name).join(", ");
  if (tried.length > 0)
    return { field, message: `${lacks} all of address pool ${names} are in use; add addresses to it` };
  const which = poolRequest === undefined ? "no address pool" : `address pool ${poolRequest}`;
  const verb = poolRequest === undefined ? "gives it one by itself" : "gives it none";
  return { field, message: `${lacks} ${which} ${verb}; see the pools' addresses, selectors and autoAssign` };
}

function stranded(key: string, ip: Ip): Problem {
  const message = `holds ${formatIp(ip)}, which is in no address pool any more; it stays until the service asks for another by annotation ${ADDRESS_REQUEST}: add it to a pool, or ask`;
  return problem(key, "status.loadBalancer.ingress", message);
}

function problem(key: string, field: string, message: string): Problem {
  return { source: "address-pools", object: `Service ${key}`, field, message };
}

function usesOf({ state, holders }: Round): ReadonlyMap<string, PoolUse> {
  return new Map(
    [...state.pools].map(([name, pool]) => {
      const assigned = [...holders.keys()].filter((ip) => poolHolds(pool, ip)).length;
      const withheld = [...state.reserved].filter((ip) => !holders.has(ip) && poolHolds(pool, ip)).length;
      const free = sizeOf(pool, 4) + sizeOf(pool, 6) - BigInt(assigned + withheld);
      return [name, { assigned, free: pool.terminating ? 0n : free }];
    }),
  );
}

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
