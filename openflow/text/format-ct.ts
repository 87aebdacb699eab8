import type { Action, ActionOf, NatSpec } from "#openflow/actions.ts";
import type { FieldValue } from "#openflow/match.ts";
import { formatTable, type NameOptions } from "./names.ts";
import { formatSubfield } from "./subfield.ts";
import { formatIpv4, formatIpv6 } from "./values.ts";
import { joinWords } from "./words.ts";

export function formatCt(
  { commit, force, table, zone, nat, exec = [], alg }: ActionOf<"ct">,
  names: NameOptions,
  formatActions: (actions: readonly Action[], names: NameOptions) => string,
): string {
  const words = [
    commit ? "commit" : undefined,
    force ? "force" : undefined,
    table === undefined ? undefined : `table=${formatTable(table, names)}`,
    zone === undefined || zone === 0
      ? undefined
      : `zone=${typeof zone === "number" ? zone : formatSubfield(zone, names)}`,
    nat === undefined ? undefined : formatNat(nat),
    exec.length === 0 ? undefined : `exec(${formatActions(exec, names)})`,
    alg === undefined ? undefined : `alg=${alg}`,
  ];
  return `ct(${joinWords(words)})`;
}

function formatNat(nat: NatSpec | true): string {
  if (nat === true) return "nat";
  const { type, minAddress, maxAddress, minPort, maxPort } = nat;
  // Open vSwitch shows no flags without a range.
  if (minAddress === undefined) return `nat(${type})`;
  const isBracketed = minPort !== undefined;
  const addresses = range(minAddress, maxAddress, (address) => formatAddress(address, isBracketed));
  const ports = minPort === undefined ? "" : `:${range(minPort, maxPort, String)}`;
  const flags = [
    nat.persistent ? "persistent" : undefined,
    nat.hash ? "hash" : undefined,
    nat.random ? "random" : undefined,
  ];
  return `nat(${joinWords([`${type}=${addresses}${ports}`, ...flags])})`;
}

function range<T>(from: T, to: T | undefined, text: (end: T) => string): string {
  return to === undefined || to === from ? text(from) : `${text(from)}-${text(to)}`;
}

/** A port behind an IPv6 address needs brackets to be told from it. */
function formatAddress(address: FieldValue, isBracketed: boolean): string {
  if (typeof address === "number") return formatIpv4(address);
  return isBracketed ? `[${formatIpv6(address)}]` : formatIpv6(address);
}
