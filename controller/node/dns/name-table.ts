import { formatIp, type Ip } from "#base/address.ts";

/** What is known of names at an instant, and for how long. Times are milliseconds since 1970. */
export interface NameTable {
  /** Returns the names of which the addresses are others now. */
  learn(told: readonly Learning[]): ReadonlySet<string>;
  /** What has run out by now lapses. Returns the names that have such. */
  lapse(now: number): ReadonlySet<string>;
  forget(name: string, ip: Ip): void;
  /** What the pipeline reads of a name (see pipeline/ingest/domain.ts); undefined when nothing is left of it. */
  objectOf(name: string): { readonly addresses: readonly string[]; readonly lapsed: readonly string[] } | undefined;
  entries(): Iterable<NameEntry>;
  /** No address lapses before. */
  readonly next: number;
  readonly counts: NameCounts;
}

/** An address of a name until a time. */
export interface NameEntry {
  readonly name: string;
  readonly ip: Ip;
  readonly until: number;
  readonly isLapsed: boolean;
}

export interface Learning extends Omit<NameEntry, "isLapsed"> {
  /** A policy says this very name: these are no more than policies say. */
  readonly isNamed: boolean;
}

export interface NameCounts {
  readonly names: number;
  readonly current: number;
  readonly lapsed: number;
  /** What there was no room for. */
  readonly refused: number;
}

export interface NameLimits {
  /** Addresses of one name, and of all. Where there are so many, one that lapsed makes room for one that did not. */
  readonly addressesOfName: number;
  readonly addresses: number;
  /** Names that no policy says, but something that they are in: a pod can make up any number of these. One of which all lapsed makes room. */
  readonly unnamed: number;
}

const LIMITS: NameLimits = { addressesOfName: 1000, addresses: 20_000, unnamed: 4096 };

interface Held {
  until: number;
  isLapsed: boolean;
}

type Addresses = Map<Ip, Held>;

export function createNameTable(limits: NameLimits = LIMITS): NameTable {
  const names = new Map<string, Addresses>();
  let [total, current, refused] = [0, 0, 0];
  let next = Number.POSITIVE_INFINITY;

  function remove(name: string, ip: Ip): void {
    const held = names.get(name);
    if (held?.get(ip)?.isLapsed === false) current--;
    if (held?.delete(ip)) total--;
    if (held?.size === 0) names.delete(name);
  }

  /** Of those that lapsed the one that did so first goes. Returns whose it was. */
  function evict(among: Iterable<readonly [string, Addresses]>): string | undefined {
    let oldest: { readonly name: string; readonly ip: Ip; readonly until: number } | undefined;
    for (const [name, held] of among)
      for (const [ip, { isLapsed, until }] of held)
        if (isLapsed && (oldest === undefined || until < oldest.until)) oldest = { name, ip, until };
    if (oldest !== undefined) remove(oldest.name, oldest.ip);
    return oldest?.name;
  }

  /** Of the names that have nothing else the one goes of which the last address lapsed first. Returns it. */
  function evictName(): string | undefined {
    let oldest: { readonly name: string; readonly until: number } | undefined;
    for (const [name, held] of names) {
      const until = Math.max(...[...held.values()].map((one) => (one.isLapsed ? one.until : Number.POSITIVE_INFINITY)));
      if (until < (oldest?.until ?? Number.POSITIVE_INFINITY)) oldest = { name, until };
    }
    if (oldest !== undefined) for (const ip of [...names.get(oldest.name)!.keys()]) remove(oldest.name, ip);
    return oldest?.name;
  }

  function makeRoom({ name, isNamed }: Learning, changed: Set<string>): boolean {
    const held = names.get(name);
    if (held === undefined && !isNamed && names.size >= limits.unnamed) {
      const gone = evictName();
      if (gone === undefined) return false;
      changed.add(gone);
    }
    if ((held?.size ?? 0) >= limits.addressesOfName && evict([[name, held!]]) === undefined) return false;
    if (total < limits.addresses) return true;
    const loser = evict(names);
    if (loser !== undefined) changed.add(loser);
    return loser !== undefined;
  }

  function learnOne(one: Learning, changed: Set<string>): void {
    const { name, ip, until } = one;
    const known = names.get(name)?.get(ip);
    if (known === undefined) {
      if (!makeRoom(one, changed)) return void refused++;
      const held: Addresses = names.get(name) ?? new Map();
      names.set(name, held.set(ip, { until, isLapsed: false }));
      total++;
    } else known.until = Math.max(known.until, until);
    if (known === undefined || known.isLapsed) {
      current++;
      changed.add(name);
    }
    if (known !== undefined) known.isLapsed = false;
    next = Math.min(next, until);
  }

  return {
    learn(told) {
      const changed = new Set<string>();
      for (const one of told) learnOne(one, changed);
      return changed;
    },
    lapse(now) {
      const changed = new Set<string>();
      next = Number.POSITIVE_INFINITY;
      for (const [name, held] of names)
        for (const one of held.values()) {
          if (one.isLapsed) continue;
          if (one.until > now) next = Math.min(next, one.until);
          else {
            one.isLapsed = true;
            current--;
            changed.add(name);
          }
        }
      return changed;
    },
    forget: remove,
    objectOf(name) {
      const held = names.get(name);
      if (held === undefined) return undefined;
      const texts = (isLapsed: boolean) =>
        [...held].flatMap(([ip, one]) => (one.isLapsed === isLapsed ? [formatIp(ip)] : []));
      return { addresses: texts(false), lapsed: texts(true) };
    },
    *entries() {
      for (const [name, held] of names) for (const [ip, one] of held) yield { name, ip, ...one };
    },
    get next() {
      return next;
    },
    get counts() {
      return { names: names.size, current, lapsed: total - current, refused };
    },
  };
}
