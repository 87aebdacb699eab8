import { type Cidr, cidrContains, formatCidr, formatIp, type IpFamily, parseCidr, parseIp } from "#base/address.ts";

/** The set of all nodes' addresses. */
export const NODES = { 4: "nodes_4", 6: "nodes_6" } as const;

export function addressElements(texts: readonly string[], version: IpFamily): unknown[] {
  const ips = texts.map(parseIp).filter((ip) => ip !== undefined);
  return [...new Set(ips.filter((ip) => isOfVersion(ip, version)).map(formatIp))].sort();
}

/** nft refuses networks within each other, and prints one of full length as an address. */
export function networkElements(texts: readonly string[], version: IpFamily): unknown[] {
  const cidrs = texts.map(parseCidr).filter((cidr) => cidr !== undefined);
  const unique = new Map(
    cidrs.filter(({ address }) => isOfVersion(address, version)).map((cidr) => [formatCidr(cidr), cidr]),
  );
  const widest = withoutContained([...unique.values()]);
  const full = version === 4 ? 32 : 128;
  return widest.map(({ address, prefixLength }) =>
    prefixLength === full ? formatIp(address) : { prefix: { addr: formatIp(address), len: prefixLength } },
  );
}

/** In order of address, wide before narrow, a network can only lie within the last one that was kept. */
function withoutContained(cidrs: readonly Cidr[]): Cidr[] {
  const kept: Cidr[] = [];
  const ordered = cidrs.toSorted((a, b) =>
    a.address === b.address ? a.prefixLength - b.prefixLength : a.address < b.address ? -1 : 1,
  );
  for (const cidr of ordered) {
    const last = kept.at(-1);
    if (last === undefined || !cidrContains(last, cidr.address)) kept.push(cidr);
  }
  return kept;
}

function isOfVersion(ip: Cidr["address"], version: IpFamily): boolean {
  return (typeof ip === "number") === (version === 4);
}
