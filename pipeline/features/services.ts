import type { Feature } from "../feature.ts";
import type { Place } from "../model/endpoints.ts";
import type { Node, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { deriveService } from "./service/balancing.ts";
import { deriveFixed, deriveNode, derivePort } from "./service/fixed.ts";
import { deriveNetworks } from "./service/networks.ts";

const ZONE_LABEL = "topology.kubernetes.io/zone";

/** Services: new connections to their addresses get endpoints. One key a service, one a pod's port, one for this node. */
export function createServicesFeature({ nodeName }: Settings): Feature {
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
        // Hints are for zones.
        if (zoneOf(change.before) !== zoneOf(change.after))
          for (const key of view.Service.keys()) yield `service ${key}`;
      }
    },
    derive(key, view) {
      const [type, name = ""] = key.split(" ");
      if (type === "bridge") return deriveFixed();
      const self = view.Node.get(nodeName);
      if (type === "node") return self === undefined ? [] : deriveNode(self);
      if (type === "networks") return self === undefined ? [] : deriveNetworks(self, view);
      if (type === "port") {
        const port = view.Port.get(name);
        return port === undefined ? [] : derivePort(port);
      }
      const service = view.Service.get(name);
      return service === undefined ? [] : deriveService(service, view.backends, placeOf(view, nodeName));
    },
  };
}

/** Where the clients are for whom this node chooses. */
export function placeOf(view: Pick<View, "Node">, nodeName: string): Place {
  return { nodeName, zone: zoneOf(view.Node.get(nodeName)) };
}

function zoneOf(node: Node | undefined): string | undefined {
  return node?.labels.get(ZONE_LABEL);
}
