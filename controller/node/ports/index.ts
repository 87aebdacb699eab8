/** The room's public face. */
export { BridgeError, type BridgeSettings, bridgeOperations, ensureBridge } from "./bridge.ts";
export { gatewayOf, Ipam, IpamError, nextIp } from "./ipam.ts";
export { POD_PORT_NAME, type PodIdentity, type PodPort, podMacOf, portNameOf } from "./pod-port.ts";
export { addPodPort, removePodPorts } from "./pod-port-transactions.ts";
export { createPortReplica, type PortReplica, type PortReplicaOptions, podPorts, portBatch } from "./replica.ts";
