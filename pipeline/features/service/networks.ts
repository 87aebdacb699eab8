import { familyOf, formatCidr, formatIp } from "#base/address.ts";
import type { Contribution } from "../../feature.ts";
import { NODE_PORT_ADDRESS } from "../../layout/virtual-addresses.ts";
import type { Node, View } from "../../model/model.ts";
import { gatewayAddress } from "../nodes.ts";

/** The host's way to services: their networks are behind the switch, and its own packets carry the gateway's address. */
export function deriveNetworks(self: Node, view: View): readonly Contribution[] {
  const routes: Contribution[] = [];
  for (const { name, cidrs } of view.ServiceCIDR.values())
    for (const cidr of cidrs) {
      const own = self.podCidrs.find(({ address }) => familyOf(address) === familyOf(cidr.address));
      if (own === undefined) continue;
      const source = formatIp(gatewayAddress(own));
      // Without a next hop the kernel would keep a neighbour for each service.
      const via = formatIp(NODE_PORT_ADDRESS[familyOf(cidr.address)]);
      const route = { destination: formatCidr(cidr), via, device: "gateway", source } as const;
      routes.push({ target: "host", owner: { kind: "ServiceCIDR", name }, item: { type: "route", route } });
    }
  if (view.ServiceCIDR.size > 0 || view.Service.size === 0) return routes;
  const problem = {
    source: "services",
    object: `Node ${self.name}`,
    field: "",
    message:
      "has no way to services for its own processes, for there is no ServiceCIDR that says which networks are theirs; the API has them as of Kubernetes 1.33",
  };
  return [{ target: "problem", owner: { kind: "Node", name: self.name }, problem }];
}
