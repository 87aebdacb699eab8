import { requireUnique } from "./validate.ts";

/**
 * The tables of br-weir, in the order in which a packet meets them. Ids are constants with gaps: 40-49 are for services.
 * A retired id is not used again within two versions.
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
      "Answers every ARP request and neighbour solicitation, for whatever address, with the router's MAC: for pods and the host everybody is behind the switch, so there is nobody to impersonate. Everything else goes on to Conntrack.",
  },
  NdAdvertise: {
    id: 21,
    purpose:
      "Second half of the answer to a neighbour solicitation: the target's link-layer address can be written only to what is matched as an advertisement.",
  },
  Conntrack: {
    id: 30,
    purpose:
      "Looks up the connection that the packet belongs to, and gives it the addresses that the connection's first packet got.",
  },
  ConnectionState: {
    id: 31,
    purpose:
      "Replies go on to Route: policies were asked when the connection began, and are asked anew with each packet of the side that began it. What conntrack cannot place is dropped, and so are replies of a connection that a policy came to forbid. What comes to a virtual address is an answer to one that had to be hidden: the real one is found, and the packet is looked up anew.",
  },
  ServiceAffinity: {
    id: 40,
    purpose:
      "Which endpoint did this client have last, or this connection? Flows that ServiceLearn has made, for services with session affinity, and for connections whose answers go another way; they go by themselves. Service asks here, and the packet goes on there.",
  },
  Service: {
    id: 41,
    purpose:
      "Is it for a service? A new connection to one of its addresses gets an endpoint: a group chooses by the connection's addresses and ports, the same on every node, and few choices change when an endpoint comes or goes. Where there is none the packet is handed to the host, which refuses it.",
  },
  ServiceLearn: {
    id: 42,
    purpose:
      "For the same: who has no endpoint that is known gets one by the group and comes back here; then ServiceAffinity is told, or told anew.",
  },
  EndpointNat: {
    id: 43,
    purpose:
      "For the same: the endpoint's number becomes its address, or its node's, which gets the packet as it came and answers by itself. One that is gone is forgotten, and the group chooses another.",
  },
  Endpoint: {
    id: 44,
    purpose:
      "The packet has the address that it really goes to, by a service or by itself. Policies come next, for what pods send. What a service leads back to its sender is marked: it goes the same way, and NetworkPolicies let it pass. Connections to an address that was a name's are counted.",
  },
  EgressAdmin: {
    id: 50,
    purpose:
      "May the pod send this? ClusterNetworkPolicies of the Admin tier come first, here those of the priorities 0 to 499. A rule stands at its own level, which follows from the policy's priority and the rule's place in it: the first that matches accepts (on to Route), denies, or passes the packet to NetworkPolicies.",
  },
  EgressAdminLow: {
    id: 51,
    purpose: "The same for the priorities 500 to 1000. What no rule of the tier has taken goes on to NetworkPolicies.",
  },
  EgressRule: {
    id: 52,
    purpose:
      "What do NetworkPolicies say? A packet passes by any rule of a NetworkPolicy that selects the pod; without one only from a pod that no NetworkPolicy isolates, and then the Baseline tier is asked. A rule is a conjunction: a flow for each of its pods, peers and ports, not for each combination.",
  },
  EgressBaseline: {
    id: 54,
    purpose:
      "What holds for pods that no NetworkPolicy isolates: ClusterNetworkPolicies of the Baseline tier, here those of the priorities 0 to 499.",
  },
  EgressBaselineLow: {
    id: 55,
    purpose: "The same for the priorities 500 to 1000. What no rule has taken may be sent.",
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
  IngressAdmin: {
    id: 80,
    purpose:
      "May the pod have this? As EgressAdmin, for the pod that Route found. Nobody is asked about replies, nor about a node's own packets to its pods: probes would fail. What name servers tell a pod of which policies speak of names waits until it is in force.",
  },
  IngressAdminLow: {
    id: 81,
    purpose: "The same for the priorities 500 to 1000. What no rule of the tier has taken goes on to NetworkPolicies.",
  },
  IngressRule: {
    id: 82,
    purpose: "What do NetworkPolicies say? As EgressRule.",
  },
  IngressBaseline: {
    id: 84,
    purpose: "The Baseline tier, as EgressBaseline.",
  },
  IngressBaselineLow: {
    id: 85,
    purpose: "The same for the priorities 500 to 1000. What no rule has taken reaches the pod.",
  },
  Commit: {
    id: 90,
    purpose:
      "A connection that was let through is known from here on, with the rules that let it through; but nothing that a host would take for a tunnel's. Fragments wait here for the rest of their datagram.",
  },
  Deny: {
    id: 95,
    purpose:
      "Where packets end that a policy forbids. If they belong to a connection that was there before, it is marked, and its replies end too. The node process is told of as many as a meter lets pass: of each packet that would begin a connection, and of the first with which one is cut.",
  },
  SourceNat: {
    id: 97,
    purpose:
      "What goes back to where it came from would carry its receiver's own address, which nobody takes from outside: it gets a virtual one, and the answer comes back to it.",
  },
  Output: {
    id: 100,
    purpose: "Sends the packet out of the port that Route chose, be it the one by which it came.",
  },
  StagedEgressAdmin: {
    id: 110,
    purpose:
      "What would policies say of it, were all staging over? Of the first packet of a connection of a pod that a staged policy selects, Commit and Deny ask here, after all is decided, and go on as though they had not. As EgressAdmin.",
  },
  StagedEgressAdminLow: {
    id: 111,
    purpose: "As EgressAdminLow.",
  },
  StagedEgressRule: {
    id: 112,
    purpose: "As EgressRule.",
  },
  StagedEgressBaseline: {
    id: 114,
    purpose: "As EgressBaseline.",
  },
  StagedEgressBaselineLow: {
    id: 115,
    purpose: "As EgressBaselineLow.",
  },
  StagedIngressAdmin: {
    id: 120,
    purpose: "As StagedEgressAdmin, for the pod that has it or would have had it.",
  },
  StagedIngressAdminLow: {
    id: 121,
    purpose: "As IngressAdminLow.",
  },
  StagedIngressRule: {
    id: 122,
    purpose: "As IngressRule.",
  },
  StagedIngressBaseline: {
    id: 124,
    purpose: "As IngressBaseline.",
  },
  StagedIngressBaselineLow: {
    id: 125,
    purpose: "As IngressBaselineLow.",
  },
  StagedVerdict: {
    id: 130,
    purpose:
      "Counts, for each pod under staging, what the staged policies would let through and deny, beside what became of it. The node process is told of as much as a meter lets pass of what passes now and would not.",
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
