import { formatCidr, formatIp, parseCidr, parseIp } from "#base/address.ts";
import type { HostRoute } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { type Listed, readList } from "../system/commands.ts";

/** Routing protocol number of our routes ("W"): nobody's in iproute2's rt_protos. That is how they are known as ours. */
export const ROUTE_PROTOCOL = 87;

/** A route of ours in the kernel's main table; addresses in canonical text. */
export interface InstalledRoute {
  readonly destination: string;
  readonly via: string | undefined;
  readonly device: string;
  readonly source: string | undefined;
  /** Of IPv6 routes; the kernel's default unless somebody else wrote it. */
  readonly metric: number | undefined;
}

/** From `ip -N -j route show table all proto 87`, which lists both families. */
export function readRoutes(text: string): InstalledRoute[] {
  return readList(text).filter(isInMainTable).map(readRoute);
}

/** `-N` prints no names: the main table is 254, and not named at all where it is the default. */
function isInMainTable(route: Listed): boolean {
  return route["table"] === undefined || String(route["table"]) === "254";
}

function readRoute(route: Listed): InstalledRoute {
  const destination = String(route["dst"]);
  const whole = destination.includes("/") ? destination : `${destination}/${destination.includes(":") ? 128 : 32}`;
  const cidr = parseCidr(whole);
  return {
    destination: cidr === undefined ? destination : formatCidr(cidr),
    via: canonicalIp(route["gateway"]),
    device: String(route["dev"] ?? ""),
    source: canonicalIp(route["prefsrc"]),
    metric: typeof route["metric"] === "number" ? route["metric"] : undefined,
  };
}

function canonicalIp(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const ip = parseIp(value);
  return ip === undefined ? value : formatIp(ip);
}

/**
 * Lines for `ip -batch`; none when all is as it should be. A route of ours is replaced in one step. One that is missing is
 * added and never replaced, for a route to the same destination would then be somebody else's.
 */
export function routeLines(
  current: readonly InstalledRoute[],
  wanted: Iterable<HostRoute>,
  transport: string | undefined,
): string[] {
  const lines: string[] = [];
  const rest = new Map(current.map((route) => [keyOf(route.destination, route.metric), route]));
  for (const route of wanted) {
    const key = keyOf(route.destination, undefined);
    const found = rest.get(key);
    rest.delete(key);
    if (found === undefined) lines.push(routeLine("add", route, transport));
    else if (!isSame(found, route, transport)) lines.push(routeLine("replace", route, transport));
  }
  return [...[...rest.values()].map(deleteLine), ...lines];
}

/** What the kernel takes for IPv6 when nothing is said. */
const DEFAULT_METRIC = 1024;

function keyOf(destination: string, metric = destination.includes(":") ? DEFAULT_METRIC : 0): string {
  return `${destination} ${metric}`;
}

function isSame(found: InstalledRoute, route: HostRoute, transport: string | undefined): boolean {
  const device = deviceOf(route, transport);
  return found.via === route.via && found.source === route.source && (device === undefined || found.device === device);
}

/** Of a direct route the kernel knows the interface by itself, from the next hop. */
function deviceOf(route: HostRoute, transport: string | undefined): string | undefined {
  return route.device === "gateway" ? GATEWAY_INTERFACE : transport;
}

function routeLine(verb: "add" | "replace", route: HostRoute, transport: string | undefined): string {
  const device = deviceOf(route, transport);
  const words = ["route", verb, route.destination];
  if (route.via !== undefined) words.push("via", route.via);
  if (device !== undefined) words.push("dev", device);
  // The next hop behind weir-gw0 is the switch, whatever its address: there is no network to look it up in.
  if (route.device === "gateway" && route.via !== undefined) words.push("onlink");
  if (route.source !== undefined) words.push("src", route.source);
  return [...words, "proto", ROUTE_PROTOCOL].join(" ");
}

function deleteLine({ destination, via, device, metric }: InstalledRoute): string {
  const words = ["route", "delete", destination];
  if (via !== undefined) words.push("via", via);
  if (device !== "") words.push("dev", device);
  if (metric !== undefined) words.push("metric", String(metric));
  return [...words, "proto", ROUTE_PROTOCOL].join(" ");
}
