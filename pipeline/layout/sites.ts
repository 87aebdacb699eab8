import { requireUnique } from "./validate.ts";

/** The features and, in each, its sites: one line of reasoning that makes flows. Both are part of the cookie. */
export const FEATURES = {
  base: {
    id: 1,
    sites: {
      classify: { id: 1, why: "a packet is known by the port it came from" },
      forbid: {
        id: 2,
        why: "no pod may answer for others: ARP and neighbour answers, router advertisements, redirects, DHCP",
      },
      arp: { id: 3, why: "the switch answers ARP" },
      nd: { id: 4, why: "the switch answers neighbour solicitations, but no search for duplicates" },
      local: { id: 5, why: "what speaks of one link or one host is not routed: multicast, link-local, loopback" },
      outside: { id: 6, why: "what is neither a pod nor a node leaves through the gateway" },
      output: { id: 7, why: "the packet leaves by the port that Route chose" },
      miss: { id: 8, why: "what no flow has taken goes on or is dropped, and is counted" },
      tagged: { id: 9, why: "pods send no VLAN tags" },
      hop: { id: 10, why: "the switch is a hop, and what has no hop left ends here" },
      tunnelled: { id: 11, why: "nobody but the nodes themselves may speak to their tunnel ports" },
    },
  },
  pods: {
    id: 2,
    sites: {
      classify: { id: 1, why: "the pod's port marks its packets" },
      identity: { id: 2, why: "the pod sends with its own MAC and addresses" },
      resolve: { id: 3, why: "the pod may ask for its neighbours, but not for itself" },
      deliver: { id: 4, why: "packets to the pod's address leave by its port" },
    },
  },
  nodes: {
    id: 3,
    sites: {
      gateway: { id: 1, why: "the node's own addresses are behind the gateway" },
      absent: { id: 2, why: "an address of this node's podCIDR without a pod is nowhere" },
      peer: { id: 3, why: "a peer's pods are reached through the tunnel" },
      "peer-address": {
        id: 4,
        why: "a peer's own address is reached through the tunnel, so that both ways are the same",
      },
      unreachable: { id: 5, why: "no tunnel leads to a peer of whom no usable address is known" },
      "own-pods": { id: 6, why: "a node's own packets always reach its pods" },
    },
  },
  connections: {
    id: 4,
    sites: {
      track: { id: 1, why: "every packet is looked up in conntrack" },
      invalid: { id: 2, why: "what conntrack cannot place belongs to no connection" },
      reply: { id: 3, why: "replies pass by what let the first packet through" },
      denied: { id: 4, why: "a connection that a policy came to forbid is cut in both directions" },
      commit: { id: 5, why: "a connection that was let through is remembered" },
      next: { id: 6, why: "who is not asked goes on" },
      deny: { id: 7, why: "what policies deny ends here, and the node process is told of some of it" },
      keep: { id: 8, why: "a connection that was let through once goes on, as the configuration says" },
    },
  },
  policies: {
    id: 5,
    sites: {
      rule: { id: 1, why: "a rule is met when its pods, peers and ports all are" },
      subject: { id: 2, why: "the pods that policies select, as a part of their rules" },
      peer: { id: 3, why: "an address of whose traffic rules speak, as a part of them" },
      port: { id: 4, why: "a port of which rules speak, as a part of them" },
      open: { id: 5, why: "a rule of the pod is about everything" },
      isolation: { id: 6, why: "a policy isolates the pod: what no rule allows is denied" },
      answer: { id: 16, why: "what a pod is told of names that its policies speak of is read before the pod has it" },
      lapsed: { id: 17, why: "an address was a name's, and connections that began then go on" },
      own: { id: 8, why: "no NetworkPolicy isolates a pod from itself, be it through a service" },
      reject: { id: 9, why: "what a policy denies that says so is refused: the node process answers it" },
      log: { id: 10, why: "of a new connection on which a policy has decided that is logged the node process is told" },
      rate: { id: 11, why: "a policy lets through no more new connections a second" },
      unknown: {
        id: 7,
        why: "policies may select a pod of which, or of whose namespace, too little is known yet: nothing passes before it is",
      },
    },
  },
  staging: {
    id: 9,
    sites: {
      rule: { id: 1, why: "as policies/rule, were all staging over" },
      subject: { id: 2, why: "as policies/subject, were all staging over" },
      peer: { id: 3, why: "as policies/peer, were all staging over" },
      port: { id: 4, why: "as policies/port, were all staging over" },
      open: { id: 5, why: "as policies/open, were all staging over" },
      isolation: { id: 6, why: "as policies/isolation, were all staging over" },
      own: { id: 7, why: "as policies/own, were all staging over" },
      begin: { id: 8, why: "a staged policy selects the pod: its new connections are judged a second time" },
      ask: { id: 9, why: "when all is decided on a packet, staged policies are asked what they would" },
      next: { id: 10, why: "what none of them has taken would go on" },
      allowed: { id: 11, why: "it is let through, and would be" },
      "newly-allowed": { id: 12, why: "it is denied, and would be let through" },
      "newly-denied": { id: 13, why: "it is let through, and would be denied" },
      denied: { id: 14, why: "it is denied, and would be" },
    },
  },
  services: {
    id: 7,
    sites: {
      next: { id: 1, why: "what is for no service goes on" },
      balance: { id: 2, why: "a new connection to a service gets one of its endpoints" },
      local: { id: 3, why: "a service that is for its clients' own nodes has no endpoint on this one" },
      reject: { id: 4, why: "a service without endpoints refuses" },
      affinity: { id: 5, why: "a client keeps its endpoint for a while" },
      remembered: { id: 6, why: "the endpoint that a client had last; the switch itself has made it" },
      endpoint: { id: 7, why: "an endpoint's number stands for its address" },
      hairpin: { id: 8, why: "what a service sends back to where it came from carries a virtual address meanwhile" },
      "node-port": { id: 9, why: "a port that services have on each node leads to them, at any address of the node" },
      "own-clients": {
        id: 10,
        why: "pods and processes of this node are clients within the cluster, whatever way they come",
      },
      outside: {
        id: 11,
        why: "a client outside is hidden from endpoints on other nodes, for their answers have to come back here",
      },
      direct: {
        id: 12,
        why: "a client outside is passed on to the node of its endpoint, which answers by itself",
      },
      passed: { id: 13, why: "what another node has passed on gets an endpoint of this one" },
      fragments: {
        id: 20,
        why: "the fragments of a datagram go to one endpoint, for only the first of them has its port",
      },
    },
  },
} as const;

export type FeatureName = keyof typeof FEATURES;
/** "pods/deliver": a site with its feature. */
export type Site = { [F in FeatureName]: `${F}/${Extract<keyof (typeof FEATURES)[F]["sites"], string>}` }[FeatureName];

requireUnique(
  "feature id",
  Object.values(FEATURES).map((feature) => feature.id),
  1,
  255,
);

const siteIds = new Map<string, number>();
const sitesById = new Map<number, { readonly site: string; readonly why: string }>();
for (const [featureName, feature] of Object.entries(FEATURES)) {
  const sites = Object.entries<{ readonly id: number; readonly why: string }>(feature.sites);
  requireUnique(
    `site id of feature ${featureName}`,
    sites.map(([, site]) => site.id),
    1,
    255,
  );
  for (const [name, site] of sites) {
    const number = feature.id * 256 + site.id;
    siteIds.set(`${featureName}/${name}`, number);
    sitesById.set(number, { site: `${featureName}/${name}`, why: site.why });
  }
}

/** Feature and site as the upper 16 bits of a cookie. */
export function siteNumber(site: Site): number {
  return siteIds.get(site)!;
}

/** The site behind the upper 16 bits of a cookie; undefined when no version of this code made it. */
export function findSite(number: number): { readonly site: string; readonly why: string } | undefined {
  return sitesById.get(number);
}
