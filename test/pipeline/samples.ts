import type { Settings } from "#pipeline/settings.ts";
import type { RawChange, SourceBatch } from "#pipeline/source.ts";

export const SETTINGS: Settings = { nodeName: "n1", encapsulation: "always" };

/** A Node as the API has it; addresses are InternalIPs. */
export function node(name: string, podCIDRs: readonly string[], addresses: readonly string[]): RawChange {
  const object = {
    metadata: { name, uid: `uid-${name}` },
    spec: { podCIDRs },
    status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
  };
  return { kind: "Node", key: name, object };
}

/** A pod's port as it stands in OVSDB. */
export function port(name: string, ofport: number, ips: readonly string[], pod = `default/${name}`): RawChange {
  const [namespace = "", podName = ""] = pod.split("/");
  const externalIds = {
    "weir-mac": `0a:58:00:00:00:${ofport.toString(16).padStart(2, "0")}`,
    "weir-ips": ips.join(","),
    "weir-pod-namespace": namespace,
    "weir-pod-name": podName,
  };
  return { kind: "Port", key: name, object: { name, ofport, externalIds } };
}

export function underlay(...addresses: readonly string[]): RawChange {
  return { kind: "Underlay", key: "underlay", object: { interface: "eth0", mtu: 1500, addresses } };
}

export function gone({ kind, key }: RawChange): RawChange {
  return { kind, key, object: undefined };
}

export function batch(...changes: readonly RawChange[]): SourceBatch {
  return { source: "test", synced: true, changes };
}
