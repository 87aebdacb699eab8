/** A node that is heard on a link, this one not among them. */
export interface Peer {
  readonly mac: string;
  readonly heardAt: number;
  readonly ready: boolean;
}

/** Who is alive on each link: those whose last hello is not too old and says that they are ready. */
export interface Peers {
  /** True when somebody is alive who was not, or the other way round. */
  hear(link: string, node: string, peer: Peer): boolean;
  /** Forgets those of whom nothing was heard for so long; true when one of them was alive. */
  expire(now: number): boolean;
  forget(link: string): void;
  alive(link: string): readonly string[];
  /** Who has this MAC address there. */
  withMac(link: string, mac: string): string | undefined;
}

export function createPeers(hold: number): Peers {
  const byLink = new Map<string, Map<string, Peer>>();
  const on = (link: string): Map<string, Peer> => {
    const peers = byLink.get(link) ?? new Map<string, Peer>();
    byLink.set(link, peers);
    return peers;
  };
  return {
    hear(link, node, peer) {
      const peers = on(link);
      const wasAlive = peers.get(node)?.ready ?? false;
      peers.set(node, peer);
      return wasAlive !== peer.ready;
    },
    expire(now) {
      let changed = false;
      for (const peers of byLink.values())
        for (const [node, { heardAt, ready }] of peers)
          if (now - heardAt > hold) {
            peers.delete(node);
            changed ||= ready;
          }
      return changed;
    },
    forget: (link) => void byLink.delete(link),
    alive: (link) => [...on(link)].filter(([, { ready }]) => ready).map(([node]) => node),
    withMac: (link, mac) => [...on(link)].find(([, peer]) => peer.mac === mac)?.[0],
  };
}
