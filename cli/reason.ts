/** "pods/deliver: pod default/web, interface weir0a1b; pod default/db": why a flow is there, and for whom. */
export function formatReason(site: string | undefined, owners: readonly string[]): string {
  if (site === undefined) return "not Weir's";
  return owners.length === 0 ? `${site}: nobody, as far as is known here` : `${site}: ${owners.join("; ")}`;
}
