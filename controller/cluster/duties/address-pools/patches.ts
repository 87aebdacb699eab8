import { formatIp } from "#base/address.ts";
import { readPath } from "#controller/watch/kinds.ts";
import type { Assignment, PoolUse } from "#pipeline/address-pools/allocate.ts";
import { ASSIGNED_FROM } from "#pipeline/address-pools/names.ts";
import type { KnownService } from "./known-cluster.ts";

/** Nothing is written over what has not been seen: the version has to be the one that was looked at. */
export function patchOfService({ ips, pools }: Assignment, { uid, resourceVersion }: KnownService): object {
  const annotations = { [ASSIGNED_FROM]: pools.length > 0 ? pools.join(",") : null };
  const ingress = ips.map((ip) => ({ ip: formatIp(ip), ipMode: "VIP" }));
  return { metadata: { uid, resourceVersion, annotations }, status: { loadBalancer: { ingress } } };
}

/** More than this no reader of JSON can be trusted with. */
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

export function statusOf({ assigned, free }: PoolUse): { readonly assigned: number; readonly free: number } {
  return { assigned, free: Number(free > MOST ? MOST : free) };
}

/** Whether a pool's status says it already. */
export function isSaid(said: unknown, use: PoolUse): boolean {
  const { assigned, free } = statusOf(use);
  return readPath(said, ["assigned"]) === assigned && readPath(said, ["free"]) === free;
}
