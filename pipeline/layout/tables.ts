import { requireUnique } from "./validate.ts";

/**
 * The tables of br-weir, in the order in which a packet meets them. Ids are constants with gaps: 30-39 are kept for
 * conntrack, 40-49 for services, 50-69 for egress rules, 80-89 for ingress rules, 90-99 for commit. A retired id is not
 * used again within two versions.
 */
export const TABLES = {
  Classify: {
    id: 0,
    purpose:
      "Where did the packet come from? By its port it is marked as a pod's, the host's or a peer's, the last only with the key of our tunnels. Whatever comes in elsewhere, by the bridge's own port too, is dropped and counted.",
  },
  SpoofGuard: {
    id: 10,
    purpose:
      "Is the pod who it says it is? Packets pass with its own MAC and one of its own addresses; it may ask for neighbours from its link-local address as well. It answers for nobody, is neither router nor DHCP server, and sends no tags.",
  },
  ArpNd: {
    id: 20,
    purpose:
      "Answers every ARP request and neighbour solicitation, for whatever address, with the router's MAC: for pods and the host everybody is behind the switch, so there is nobody to impersonate. Everything else goes on to Route.",
  },
  NdAdvertise: {
    id: 21,
    purpose:
      "Second half of the answer to a neighbour solicitation: the target's link-layer address can be written only to what is matched as an advertisement.",
  },
  Route: {
    id: 70,
    purpose:
      "Where does the packet go? To a local pod, through the tunnel to the peer that has the address, to this node itself, or through its gateway to the world; the longest prefix wins. The packet gets the MACs of its next hop and the number of its port.",
  },
  Ttl: {
    id: 75,
    purpose:
      "Counts the hop, as every router does. A packet that has none left ends here. What comes from the host has been counted by the host's kernel.",
  },
  Output: {
    id: 100,
    purpose: "Sends the packet out of the port that Route chose, unless a host would take it for a tunnel's.",
  },
} as const;

export type TableName = keyof typeof TABLES;

requireUnique(
  "table id",
  Object.values(TABLES).map((table) => table.id),
  0,
  253,
);

/** For the text form of flows: id to name. */
export const TABLE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TABLES).map(([name, table]) => [table.id, name]),
);
