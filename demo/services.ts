import { formatIp, isIpv4 } from "#base/address.ts";
import type { Objects } from "#pipeline/model/model.ts";
import type { Service } from "#pipeline/model/service.ts";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";
import { isSelected, nameOf } from "./control-plane.ts";
import type { Endpoint } from "./matrix.ts";

const TCP = 6;

/** The services that can be tried: each at its cluster addresses and its first TCP port. */
export function servicesOf(
  model: Objects,
  objects: readonly KubeObject[],
  endpoints: readonly Endpoint[],
): readonly Endpoint[] {
  const pods = new Set(endpoints.filter(({ kind }) => kind === "pod").map(({ label }) => label));
  return objects
    .filter(({ kind }) => kind === "Service")
    .flatMap((object) => {
      const service = model.Service.get(nameOf(object));
      const port = service?.ports.find(({ protocol }) => protocol === TCP)?.port;
      if (service === undefined || port === undefined) return [];
      const selected = objects.filter((other) => other.kind === "Pod" && isSelected(object, other)).map(nameOf);
      const backends = selected.filter((label) => pods.has(label));
      return [
        {
          label: `service ${nameOf(object)}`,
          kind: "service",
          addresses: addressesOf(service),
          service: { port, backends },
        },
      ];
    });
}

function addressesOf({ clusterIps }: Service): Endpoint["addresses"] {
  const v4 = clusterIps.find(isIpv4);
  const v6 = clusterIps.find((ip) => !isIpv4(ip));
  return { ...(v4 !== undefined && { 4: formatIp(v4) }), ...(v6 !== undefined && { 6: formatIp(v6) }) };
}
