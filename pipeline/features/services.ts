import { cidrContains } from "#base/address.ts";
import { isEqual } from "#base/equal.ts";
import type { Feature } from "../feature.ts";
import type { ModelChange, Node, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { tunnelToPod } from "./nodes.ts";
import { deriveService, type Here } from "./service/balancing.ts";
import { type Peers, withoutTunnels } from "./service/direct.ts";
import { deriveFixed, derivePort } from "./service/fixed.ts";
import { deriveNetworks } from "./service/networks.ts";
import { deriveNode } from "./service/node.ts";

const ZONE_LABEL = "topology.kubernetes.io/zone";

/** Services: new connections to their addresses get endpoints. One key a service, one a pod's port, one for this node. */
export function createServicesFeature(settings: Settings): Feature {
  const { nodeName } = settings;
  return {
    name: "services",
    always: ["bridge"],
    *affected(change, view) {
      if (change.kind === "Backends") {
        yield `service ${change.key}`;
        // Whether there are any.
        yield "networks";
      } else if (change.kind === "ServiceCIDR") yield "networks";
      else if (change.kind === "Port") yield `port ${change.key}`;
      else if (change.kind === "Node" && change.key === nodeName) {
        yield "node";
        yield "networks";
        // Hints are for zones; and some services have addresses of the node for their own.
        if (!isEqual(hereOf(nodeName, change.before), hereOf(nodeName, change.after)))
          for (const key of view.Service.keys()) yield `service ${key}`;
        else yield* directServices(change, view);
      } else if (change.kind === "Node") yield* directServices(change, view);
    },
    derive(key, view) {
      const [type, name = ""] = key.split(" ");
      if (type === "bridge") return deriveFixed();
      const self = view.Node.get(nodeName);
      if (type === "node") return self === undefined ? [] : deriveNode(self, settings);
      if (type === "networks") return self === undefined ? [] : deriveNetworks(self, view);
      if (type === "port") {
        const port = view.Port.get(name);
        return port === undefined ? [] : derivePort(port);
      }
      const service = view.Service.get(name);
      if (service === undefined) return [];
      const here = hereOf(nodeName, self);
      if (service.loadBalancerMode === undefined) return deriveService(service, view.backends, here, undefined);
      if (settings.encapsulation === "always")
        return deriveService(service, view.backends, here, self && peersOf(self, view));
      return [...deriveService(service, view.backends, here, undefined), withoutTunnels(service)];
    },
  };
}

type NodeChange = Extract<ModelChange, { readonly kind: "Node" }>;

/** Their endpoints are reached as their nodes are. */
function* directServices({ before, after }: NodeChange, view: View): Iterable<string> {
  const placeIn = (node: Node | undefined) => node && [node.podCidrs, node.addresses];
  if (isEqual(placeIn(before), placeIn(after))) return;
  for (const [key, { loadBalancerMode }] of view.Service) if (loadBalancerMode !== undefined) yield `service ${key}`;
}

function peersOf(self: Node, view: View): Peers {
  return {
    isHere: (ip) => self.podCidrs.some((cidr) => cidrContains(cidr, ip)),
    tunnelTo(nodeName, ip) {
      const node = nodeName === undefined || nodeName === self.name ? undefined : view.Node.get(nodeName);
      return node && tunnelToPod(self, node, ip);
    },
  };
}

/** Where the clients are for whom this node chooses. */
export function placeOf(view: Pick<View, "Node">, nodeName: string): Here {
  return hereOf(nodeName, view.Node.get(nodeName));
}

function hereOf(nodeName: string, node: Node | undefined): Here {
  return { nodeName, zone: node?.labels.get(ZONE_LABEL), addresses: node?.addresses ?? [] };
}
