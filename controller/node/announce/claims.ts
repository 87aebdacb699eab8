import type { Problem } from "#pipeline/problem.ts";

/** Somebody else said that an address is theirs which this node announces. */
export interface Claim {
  readonly link: string;
  readonly mac: string;
  readonly ip: string;
  readonly service: string;
  /** The node that has this MAC address; undefined for a stranger. */
  readonly rival: string | undefined;
  /** Whether this node knows the cluster as it is now. */
  readonly connected: boolean;
  readonly now: number;
}

export interface Claims {
  /** yield: give way to the rival. defend: announce the address again. */
  judge(claim: Claim): "yield" | "defend" | "ignore";
  /** The node to which this one gives way. */
  yieldsTo(link: string, ip: string): string | undefined;
  /** Gives way no more to those who have been silent since, or to anybody when what this node knows is up to date; true if to any. */
  stand(now: number, connected: boolean): boolean;
  problems(now: number): readonly Problem[];
}

/** A stranger that has been silent for so long may have gone; in milliseconds. */
const REMEMBERED = 60_000;

/** `pause` lies between two defences of an address; so long a node gives way to another that may have let go meanwhile. */
export function createClaims(pause: number): Claims {
  const rivals = new Map<string, { readonly node: string; readonly at: number }>();
  const defended = new Map<string, number>();
  const strangers = new Map<string, Claim>();
  return {
    judge(claim) {
      const { link, ip, rival, connected, now } = claim;
      const key = `${link} ${ip}`;
      if (rival === undefined) strangers.set(key, claim);
      else if (!connected) {
        rivals.set(key, { node: rival, at: now });
        return "yield";
      }
      if (now - (defended.get(key) ?? Number.NEGATIVE_INFINITY) < pause) return "ignore";
      defended.set(key, now);
      return "defend";
    },
    yieldsTo: (link, ip) => rivals.get(`${link} ${ip}`)?.node,
    stand(now, connected) {
      const over = [...rivals].filter(([, { at }]) => connected || now - at >= pause);
      for (const [key] of over) rivals.delete(key);
      return over.length > 0;
    },
    problems(now) {
      for (const [key, claim] of strangers) if (now - claim.now > REMEMBERED) strangers.delete(key);
      return [...strangers.values()].map(problemOf);
    },
  };
}

function problemOf({ link, mac, ip, service }: Claim): Problem {
  const message = `holds ${ip}, which ${mac} on ${link} says is its own, and that is no node of this cluster: take the address from one of the two, or out of the pool`;
  return { source: "announce", object: `Service ${service}`, field: "status.loadBalancer.ingress", message };
}
