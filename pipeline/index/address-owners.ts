import type { Ip } from "#base/address.ts";
import type { Pod, Port } from "../model/model.ts";
import type { AddressChange } from "./selections.ts";

/** The one pod that each address belongs to, of all that claim it. */
export interface AddressOwners {
  podOf(ip: Ip): string | undefined;
  /** A pod that has a network of its own, before and now. */
  movePod(key: string, before: Pod | undefined, after: Pod | undefined): void;
  movePort(before: Port | undefined, after: Port | undefined): void;
  /** What came of all moves since the last call. */
  settle(): readonly AddressChange[];
}

interface Claim {
  readonly pod: string;
  readonly terminating: boolean;
  readonly created: number;
}

type Claims<T> = Map<Ip, readonly T[]>;

export function createAddressOwners(): AddressOwners {
  const claimsOfPods: Claims<Claim> = new Map();
  const claimsOfPorts: Claims<Port> = new Map();
  const owners = new Map<Ip, string>();
  const touched = new Set<Ip>();

  function move<T>(claims: Claims<T>, isOld: (one: T) => boolean, ips: readonly Ip[], claim: T | undefined): void {
    for (const ip of ips) {
      touched.add(ip);
      const others = claims.get(ip)?.filter((one) => !isOld(one)) ?? [];
      const all = claim === undefined ? others : [...others, claim];
      if (all.length === 0) claims.delete(ip);
      else claims.set(ip, all);
    }
  }
  return {
    podOf: (ip) => owners.get(ip),
    movePod(key, before, after) {
      const isOld = ({ pod }: Claim) => pod === key;
      move(claimsOfPods, isOld, before?.ips ?? [], undefined);
      if (after === undefined) return;
      const { terminating, created, ips } = after;
      move(claimsOfPods, isOld, ips, { pod: key, terminating, created });
    },
    movePort(before, after) {
      const isOld = ({ name }: Port) => name === (before ?? after)?.name;
      move(claimsOfPorts, isOld, before?.ips ?? [], undefined);
      if (after !== undefined && after.podName !== "") move(claimsOfPorts, isOld, after.ips, after);
    },
    settle() {
      const changes: AddressChange[] = [];
      for (const ip of touched) {
        const before = owners.get(ip);
        const after = ownerOf(claimsOfPorts.get(ip), claimsOfPods.get(ip));
        if (before === after) continue;
        if (after === undefined) owners.delete(ip);
        else owners.set(ip, after);
        changes.push({ kind: "Address", ip, before, after });
      }
      touched.clear();
      return changes;
    },
  };
}

/** What is plugged here is known; the API may say late who has an address now and who had it before. */
function ownerOf(ports: readonly Port[] = [], pods: readonly Claim[] = []): string | undefined {
  const [first, ...others] = ports;
  if (first !== undefined) {
    const port = others.reduce((best, one) => (one.name < best.name ? one : best), first);
    return `${port.podNamespace}/${port.podName}`;
  }
  const [pod, ...rivals] = pods;
  return pod && rivals.reduce((best, one) => (isBetter(one, best) ? one : best), pod).pod;
}

function isBetter(a: Claim, b: Claim): boolean {
  if (a.terminating !== b.terminating) return b.terminating;
  return a.created === b.created ? a.pod < b.pod : a.created > b.created;
}
