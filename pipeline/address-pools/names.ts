/** Of services that are ours alone; one without a class is anybody's. */
export const LOAD_BALANCER_CLASS = "weir.dev/announced";

/** On a service: from which pools its addresses were taken. That makes them ours. */
export const ASSIGNED_FROM = "weir.dev/assigned-from";

/** On a service: the pool to take its addresses from. */
export const POOL_REQUEST = "weir.dev/address-pool";

/** On a service: the addresses it is to have, one of each family at most. */
export const ADDRESS_REQUEST = "weir.dev/load-balancer-ips";

/** On a service: how clients outside are served by endpoints of other nodes than the one to which they came. */
export const LOAD_BALANCER_MODE = "weir.dev/load-balancer-mode";

export function isOurClass(loadBalancerClass: string | undefined): boolean {
  return loadBalancerClass === undefined || loadBalancerClass === LOAD_BALANCER_CLASS;
}

/** "a, b": what an annotation lists. */
export function splitList(text: string | undefined): readonly string[] {
  const words = (text ?? "").split(",").map((word) => word.trim());
  return words.filter((word) => word !== "");
}
