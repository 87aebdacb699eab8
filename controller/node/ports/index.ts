/** The room's public face. */
export { BridgeError, type BridgeSettings, bridgeOperations, ensureBridge, removeBridge } from "./bridge.ts";
export { type BridgeKeeper, createBridgeKeeper } from "./bridge-keeper.ts";
export { gatewayOf, Ipam, IpamError, nextIp } from "./ipam.ts";
export { POD_PORT_NAME, type PodIdentity, type PodPort, podMacOf, portNameOf } from "./pod-port.ts";
export { addPodPort, removePodPorts } from "./pod-port-transactions.ts";
export {
  createPortReplica,
  PORTS_SOURCE,
  type PortReplica,
  type PortReplicaOptions,
  podPorts,
  portBatch,
} from "./replica.ts";
