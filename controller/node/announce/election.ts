import { formatIp } from "#base/address.ts";
import { type Announcement, ownerOf } from "#pipeline/announce/announcements.ts";
import { type Link, linksOf } from "./links.ts";

export interface Election {
  readonly self: string;
  readonly announcements: Iterable<Announcement>;
  /** Those where this node may take addresses: it is ready, and has listened for long enough to know the others. */
  readonly links: readonly Link[];
  /** The other nodes that are alive there. */
  alive(link: string): readonly string[];
  /** The node to which this one gives way, though it would be its turn. */
  yieldsTo(link: string, ip: string): string | undefined;
}

/** What this node is to announce: by link, addresses and their services. */
export type Elected = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Every node decides for itself, and of the same knowledge the same: there is no vote. */
export function elect(election: Election): Elected {
  const { self, announcements, links } = election;
  const peers = new Map(links.map(({ name }) => [name, election.alive(name)]));
  const elected = new Map(links.map(({ name }) => [name, new Map<string, string>()]));
  for (const { ip, service, interfaces, nodes } of announcements) {
    if (!nodes.has(self)) continue;
    const text = formatIp(ip);
    for (const { name } of linksOf(ip, interfaces, links)) {
      const alive = peers.get(name)!;
      const able = [self, ...alive.filter((node) => nodes.has(node))];
      const rival = election.yieldsTo(name, text);
      if (rival !== undefined && alive.includes(rival)) continue;
      if (ownerOf(text, able) === self) elected.get(name)!.set(text, service);
    }
  }
  return elected;
}
