/** The room's public face. */
export { findUnderlay, type UnderlayObject } from "./find-underlay.ts";
export { createHost, type Host, HostError, type HostOptions, uninstallHost } from "./host.ts";
export { type PodMtuInputs, podMtu } from "./pod-mtu.ts";
export { ROUTE_PROTOCOL } from "./routes.ts";
export { createUnderlay, UNDERLAY_SOURCE, type Underlay, type UnderlayOptions } from "./underlay.ts";
