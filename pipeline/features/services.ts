import { isEqual } from "#base/equal.ts";
import type { Feature } from "../feature.ts";
import type { Node, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { deriveService, type Here } from "./service/balancing.ts";
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
      }
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
      return service === undefined ? [] : deriveService(service, view.backends, hereOf(nodeName, self));
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
