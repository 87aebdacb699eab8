import { SERVICE_NAME_LABEL } from "#pipeline/ingest/endpoint-slice.ts";
import { isRecord } from "#pipeline/ingest/reader.ts";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";
import type { Addresses } from "./fabric.ts";
import { FAMILIES, type Family } from "./matrix.ts";

/** By "namespace/name" of a pod that runs. */
export type PodAddresses = ReadonlyMap<string, Addresses>;

/** Brings what the folder asks for to the nodes, with what a cluster would know of it. */
export interface ControlPlane {
  /** Gives the uid of each pod, where something hands them out, by "namespace/name". */
  publish(addresses: PodAddresses): Promise<ReadonlyMap<string, string>>;
}

export function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}

/** What kubelet writes of a pod that runs. */
export function statusOf(addresses: Addresses): object {
  const podIPs = FAMILIES.flatMap((family) => addresses[family] ?? []).map((ip) => ({ ip }));
  return { phase: "Running", podIP: podIPs[0]?.ip, podIPs, conditions: [{ type: "Ready", status: "True" }] };
}

/** What the endpoint slice controller makes of services and the pods that they select: a slice a family. */
export function slicesOf(objects: readonly KubeObject[], addresses: PodAddresses): KubeObject[] {
  const pods = objects.filter(({ kind }) => kind === "Pod");
  return objects
    .filter(({ kind }) => kind === "Service")
    .flatMap((service) => {
      const backends = pods.filter((pod) => isSelected(service, pod) && addresses.has(nameOf(pod)));
      return FAMILIES.map((family) => sliceOf(service, backends, family, addresses));
    });
}

function sliceOf(service: KubeObject, backends: readonly KubeObject[], family: Family, addresses: PodAddresses) {
  const { name, namespace = "default" } = service.metadata;
  const endpoints = backends.flatMap((pod) => {
    const address = addresses.get(nameOf(pod))?.[family];
    const nodeName = Reflect.get(Object(pod["spec"]), "nodeName");
    return address === undefined ? [] : [{ addresses: [address], conditions: { ready: true }, nodeName }];
  });
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace, name: `${name}-ipv${family}`, labels: { [SERVICE_NAME_LABEL]: name } },
    addressType: `IPv${family}`,
    ports: portsOf(service).map((port) => ({
      name: port["name"] ?? "",
      protocol: port["protocol"] ?? "TCP",
      port: port["targetPort"] ?? port["port"],
    })),
    endpoints,
  };
}

/** Whether the service's selector has the pod. */
export function isSelected(service: KubeObject, pod: KubeObject): boolean {
  const selector = Reflect.get(Object(service["spec"]), "selector");
  const labels = pod.metadata["labels"];
  if (!isRecord(selector) || !isRecord(labels) || Object.keys(selector).length === 0) return false;
  const isSameNamespace = (service.metadata.namespace ?? "default") === (pod.metadata.namespace ?? "default");
  return isSameNamespace && Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function portsOf(service: KubeObject): Record<string, unknown>[] {
  const ports: unknown = Reflect.get(Object(service["spec"]), "ports");
  return Array.isArray(ports) ? ports.filter(isRecord) : [];
}
