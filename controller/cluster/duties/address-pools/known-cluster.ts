import type { Ip } from "#base/address.ts";
import { readPath } from "#controller/watch/kinds.ts";
import type { AllocationState, Assignment } from "#pipeline/address-pools/allocate.ts";
import { type BalancedService, readBalancedService } from "#pipeline/address-pools/balanced-service.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { AddressPool } from "#pipeline/model/address-pool.ts";
import type { Labels, Namespace, Node } from "#pipeline/model/model.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange } from "#pipeline/source.ts";
import { ADDRESS_POOLS, NAMESPACES, NODES, SERVICES } from "../../kinds.ts";

export interface KnownService {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly service: BalancedService;
}

export interface KnownPool {
  readonly uid: string;
  readonly pool: AddressPool;
  readonly problems: readonly Problem[];
  /** As it stands in the pool's status. */
  readonly said: unknown;
}

/** What was decided for a service, and may be more than the watch has brought. */
interface Decision extends Assignment {
  readonly uid: string;
  /** Of the object that holds it; undefined until the server has taken it. */
  readonly resourceVersion: string | undefined;
}

/** The cluster as the watches have it, and what this program has decided since. */
export interface KnownCluster {
  take(change: RawChange<string>): void;
  readonly services: ReadonlyMap<string, KnownService>;
  readonly pools: ReadonlyMap<string, KnownPool>;
  /** A service has what was decided for it, whether the server has it yet or not: nobody else gets it meanwhile. */
  state(): AllocationState;
  decide(key: string, assignment: Assignment): void;
  /** What is decided, and not taken by the server. */
  undone(key: string): Assignment | undefined;
  /** The server has taken it: the watch will bring this version, or a later one. */
  confirm(key: string, resourceVersion: string): void;
  forget(key: string): void;
}

export function createKnownCluster(): KnownCluster {
  const services = new Map<string, KnownService>();
  const pools = new Map<string, KnownPool>();
  const namespaces = new Map<string, Labels>();
  const addresses = new Map<string, readonly Ip[]>();
  const decisions = new Map<string, Decision>();

  function takeService(key: string, object: unknown): void {
    const known = readKnownService(key, object);
    set(services, key, known);
    const decision = decisions.get(key);
    if (decision === undefined) return;
    const { uid, resourceVersion } = decision;
    if (known?.uid !== uid || isAtLeast(known.resourceVersion, resourceVersion)) decisions.delete(key);
  }

  return {
    ...{ services, pools },
    take({ kind, key, object }) {
      if (kind === SERVICES.kind) takeService(key, object);
      else if (kind === ADDRESS_POOLS.kind) set(pools, key, readPool(key, object));
      else if (kind === NODES.kind) set(addresses, key, readAddresses(key, object));
      else if (kind === NAMESPACES.kind) set(namespaces, key, readLabels(key, object));
    },
    state() {
      const seen = [...services].map(([key, { service }]): [string, BalancedService] => {
        const decision = decisions.get(key);
        if (decision === undefined) return [key, service];
        return [key, { ...service, ips: decision.ips, assignedFrom: decision.pools, isForeign: false }];
      });
      return {
        services: new Map(seen),
        pools: new Map([...pools].map(([name, { pool }]) => [name, pool])),
        namespaces,
        reserved: new Set([...addresses.values()].flat()),
      };
    },
    decide(key, assignment) {
      const known = services.get(key);
      if (known !== undefined) decisions.set(key, { ...assignment, uid: known.uid, resourceVersion: undefined });
    },
    undone(key) {
      const decision = decisions.get(key);
      return decision?.resourceVersion === undefined ? decision : undefined;
    },
    confirm(key, resourceVersion) {
      const decision = decisions.get(key);
      if (decision === undefined) return;
      if (isAtLeast(services.get(key)?.resourceVersion, resourceVersion)) decisions.delete(key);
      else decisions.set(key, { ...decision, resourceVersion });
    },
    forget: (key) => void decisions.delete(key),
  };
}

function set<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** Versions of one kind's objects are numbers that rise (KEP 5504). */
function isAtLeast(found: string | undefined, wanted: string | undefined): boolean {
  if (found === undefined || wanted === undefined) return false;
  return /^\d+$/.test(found) && /^\d+$/.test(wanted) ? BigInt(found) >= BigInt(wanted) : found === wanted;
}

function readKnownService(key: string, object: unknown): KnownService | undefined {
  const service = object === undefined ? undefined : readBalancedService(key, object);
  if (service === undefined) return undefined;
  const field = (name: string): string => String(readPath(object, ["metadata", name]));
  return { uid: field("uid"), resourceVersion: field("resourceVersion"), service };
}

function readPool(key: string, object: unknown): KnownPool | undefined {
  const { value, problems } = ingest("address-pools", { kind: "AddressPool", key, object });
  if (value === undefined) return undefined;
  const uid = String(readPath(object, ["metadata", "uid"]));
  return { uid, pool: value as AddressPool, problems, said: readPath(object, ["status"]) };
}

function readAddresses(key: string, object: unknown): readonly Ip[] | undefined {
  const node = ingest("", { kind: "Node", key, object }).value as Node | undefined;
  return node === undefined ? undefined : [...node.addresses, ...node.externalAddresses];
}

function readLabels(key: string, object: unknown): Labels | undefined {
  const namespace = ingest("", { kind: "Namespace", key, object }).value as Namespace | undefined;
  return namespace?.labels;
}
