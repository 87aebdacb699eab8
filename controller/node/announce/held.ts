import type { Elected } from "./election.ts";

/** An address that this node announces on a link. */
export interface HeldAddress {
  readonly link: string;
  readonly ip: string;
  readonly service: string;
}

interface Holding extends HeldAddress {
  /** When it is announced again; the past is due. */
  due: readonly number[];
}

/** What is announced, and when again. */
export interface Held {
  /** Makes it what was elected; says what is new and what is not any more. */
  become(
    elected: Elected,
    now: number,
  ): { readonly taken: readonly HeldAddress[]; readonly left: readonly HeldAddress[] };
  serviceOf(link: string, ip: string): string | undefined;
  all(): readonly HeldAddress[];
  /** Of one address, or else of all on the link: once more, soon. */
  again(link: string, now: number, ip?: string): void;
  /** What is to be announced now. */
  takeDue(now: number): readonly HeldAddress[];
  /** Without a word: who held them for us is gone. */
  clear(): void;
}

export function createHeld(schedule: readonly number[]): Held {
  const holdings = new Map<string, Holding>();
  return {
    become(elected, now) {
      const left: HeldAddress[] = [];
      const taken: HeldAddress[] = [];
      for (const [key, holding] of holdings) {
        const service = elected.get(holding.link)?.get(holding.ip);
        if (service === undefined) {
          holdings.delete(key);
          left.push(holding);
        } else if (service !== holding.service) holdings.set(key, { ...holding, service });
      }
      for (const [link, ips] of elected)
        for (const [ip, service] of ips) {
          const key = `${link} ${ip}`;
          if (holdings.has(key)) continue;
          const holding = { link, ip, service, due: schedule.map((after) => now + after) };
          holdings.set(key, holding);
          taken.push(holding);
        }
      return { taken, left };
    },
    serviceOf: (link, ip) => holdings.get(`${link} ${ip}`)?.service,
    all: () => [...holdings.values()].map(({ link, ip, service }) => ({ link, ip, service })),
    again(link, now, ip) {
      for (const holding of holdings.values())
        if (holding.link === link && (ip === undefined || holding.ip === ip)) holding.due = [now, ...holding.due];
    },
    takeDue(now) {
      const due = [...holdings.values()].filter((holding) => holding.due.some((at) => at <= now));
      for (const holding of due) holding.due = holding.due.filter((at) => at > now);
      return due;
    },
    clear: () => holdings.clear(),
  };
}
