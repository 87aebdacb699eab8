import { type Cidr, cidrContains, type Ip, parseCidr } from "#base/address.ts";
import type { DnsAnswer, DnsRecord } from "./message.ts";

/** An address of a name, for so many seconds. */
export interface ToldAddress {
  readonly name: string;
  readonly ip: Ip;
  readonly ttl: number;
}

type Alias = Extract<DnsRecord, { readonly type: "alias" }>;

/** Longer chains of aliases than resolvers follow. */
const LONGEST_CHAIN = 16;

/** Where no name may lead: to nobody, to the pod itself, to all who hear it, to what is beside the node (and its cloud's metadata). */
const NOWHERE: readonly Cidr[] = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8"],
].map((text) => parseCidr(text)!);

/**
 * What an answer tells of the name that was asked for and of those that it is an alias of: each has the addresses at the end of
 * the chain, for as long as the least of what leads there. Of other names nobody has asked.
 */
export function addressesTold({ question, records }: DnsAnswer): readonly ToldAddress[] {
  const chain = chainFrom(question, records);
  return records.flatMap((record): readonly ToldAddress[] => {
    if (record.type !== "address" || NOWHERE.some((network) => cidrContains(network, record.ip))) return [];
    const end = chain.findIndex(({ name }) => name === record.owner);
    let { ttl } = record;
    const told: ToldAddress[] = [];
    for (let i = end; i >= 0; i--) {
      const { name, alias } = chain[i]!;
      if (i < end) ttl = Math.min(ttl, alias!.ttl);
      told.push({ name, ip: record.ip, ttl });
    }
    return told;
  });
}

/** The names on the way, with what leads on from each. */
function chainFrom(
  question: string,
  records: readonly DnsRecord[],
): readonly { readonly name: string; readonly alias: Alias | undefined }[] {
  const aliases = new Map(records.flatMap((record) => (record.type === "alias" ? [[record.owner, record]] : [])));
  const names = new Set<string>();
  for (let name: string | undefined = question; name !== undefined && names.size < LONGEST_CHAIN; ) {
    if (names.has(name)) break;
    names.add(name);
    name = aliases.get(name)?.target;
  }
  return [...names].map((name) => ({ name, alias: aliases.get(name) }));
}
