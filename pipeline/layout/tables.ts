import { requireUnique } from "./validate.ts";

/**
 * The tables of br-weir, in the order in which a packet meets them. Ids are constants with gaps: 30-39 are kept for
 * conntrack, 40-49 for services, 50-69 for egress rules, 80-89 for ingress rules, 90-99 for commit. A retired id is not
 * used again within two versions.
 */
export const TABLES = {
  Classify: {
    id: 0,
    purpose: "Where did the packet come from? Marks the source; what comes from elsewhere is dropped.",
  },
  SpoofGuard: {
    id: 10,
    purpose: "Is the pod who it says it is? Only its own MAC and addresses pass; it answers for nobody.",
  },
  ArpNd: { id: 20, purpose: "Answers every ARP request and neighbour solicitation with the router's MAC." },
  NdAdvertise: { id: 21, purpose: "Second half of the answer to a neighbour solicitation." },
  Route: { id: 70, purpose: "Where does the packet go? A local pod, a peer node through the tunnel, or the gateway." },
  Ttl: {
    id: 75,
    purpose: "Counts the hop. A packet that has none left ends here; the host has counted what comes from it.",
  },
  Output: {
    id: 100,
    purpose: "Sends the packet out of the port that Route chose, unless it would pass for a tunnel's.",
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
