import type { ModelOf } from "../model/model.ts";
import type { Problem } from "../problem.ts";
import type { Kind, RawChange } from "../source.ts";
import { readAddressPool } from "./address-pool.ts";
import { readClusterNetworkPolicy } from "./cluster-network-policy.ts";
import { readDomain } from "./domain.ts";
import { readEndpointSlice } from "./endpoint-slice.ts";
import { readNamespace, readNode, readPod } from "./kubernetes.ts";
import { readNetworkPolicy } from "./network-policy.ts";
import { readPort, readUnderlay } from "./node-local.ts";
import { createReader, isRecord, type Reader } from "./reader.ts";
import { readService, reasonToIgnore } from "./service.ts";
import { readServiceCidr } from "./service-cidr.ts";

/** One line a kind: how an object becomes a model value. Undefined means that nothing useful could be read. */
const READERS: {
  readonly [K in Kind]: (reader: Reader, key: string, former: ModelOf[K] | undefined) => ModelOf[K] | undefined;
} = {
  Pod: readPod,
  Node: readNode,
  Namespace: readNamespace,
  NetworkPolicy: readNetworkPolicy,
  ClusterNetworkPolicy: readClusterNetworkPolicy,
  Service: readService,
  EndpointSlice: readEndpointSlice,
  ServiceCIDR: readServiceCidr,
  AddressPool: readAddressPool,
  Port: readPort,
  Underlay: readUnderlay,
  Domain: readDomain,
};

export interface Ingested<K extends Kind = Kind> {
  readonly value: ModelOf[K] | undefined;
  readonly problems: readonly Problem[];
  /** Of a service that is none to serve: why. */
  readonly ignored?: string;
}

/**
 * Parses one object, once. It never throws: what is wrong becomes problems. What it was read as before may lend parts of which
 * nothing has changed; what comes out says the same without.
 */
export function ingest(source: string, change: RawChange, former?: ModelOf[Kind]): Ingested {
  if (change.object === undefined) return { value: undefined, problems: [] };
  const reader = createReader(source, `${change.kind} ${change.key}`, change.object);
  if (!isRecord(change.object)) {
    reader.report("", "is no object");
    return { value: undefined, problems: reader.problems };
  }
  const ignored = change.kind === "Service" ? reasonToIgnore(reader) : undefined;
  const value = READERS[change.kind](reader, change.key, former as never);
  return { value, problems: reader.problems, ...(ignored !== undefined && { ignored }) };
}
