import { formatIp, type IpFamily } from "#base/address.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { NODE_PORT_ADDRESS } from "#pipeline/layout/virtual-addresses.ts";
import { readList } from "../system/commands.ts";
import { ROUTE_PROTOCOL } from "./routes.ts";

/**
 * Packets to services at addresses that are not the node's own go to the switch as they are: nftables marks them, and what is
 * marked has a routing table of its own. A route in the main table would take everything for such an address, and an address is
 * easily written into a service that others have need of.
 */

/** A bit of a packet's mark that no program for Kubernetes known to us takes for itself. */
export const TO_SWITCH_MARK = 0x0100_0000;

const TABLE = ROUTE_PROTOCOL;
const PREFERENCE = 870;
const EVERYWHERE = { 4: "0.0.0.0/0", 6: "::/0" } as const;

/** By family: what is there of ours, as `ip -N -j` prints it. */
export interface InstalledSteering {
  /** Of rules with our protocol number: `ip rule show`. */
  readonly rules: Readonly<Record<IpFamily, string>>;
  /** Of routes with our protocol number: `ip route show table all`. */
  readonly routes: string;
}

/** Lines for `ip -batch`, which does rules of one family only; none when all is as it should be. */
export function steeringLines(
  installed: InstalledSteering,
  wanted: ReadonlySet<IpFamily>,
): Readonly<Record<IpFamily, readonly string[]>> {
  const of = (family: IpFamily): readonly string[] => [
    ...ruleLines(family, installed.rules[family], wanted.has(family)),
    ...routeLines(family, installed.routes, wanted.has(family)),
  ];
  return { 4: of(4), 6: of(6) };
}

/** The families of "192.0.2.80 tcp 443". */
export function familiesOf(outsidePorts: Iterable<string>): ReadonlySet<IpFamily> {
  const families = new Set<IpFamily>();
  for (const port of outsidePorts) families.add(port.includes(":") ? 6 : 4);
  return families;
}

function ruleLines(family: IpFamily, text: string, wanted: boolean): readonly string[] {
  const ours = readList(text).filter((rule) => String(rule["protocol"]) === String(ROUTE_PROTOCOL));
  const mark = `0x${TO_SWITCH_MARK.toString(16)}`;
  const isRight = (rule: Readonly<Record<string, unknown>>): boolean =>
    rule["fwmark"] === mark && String(rule["table"]) === String(TABLE) && rule["priority"] === PREFERENCE;
  const kept = wanted ? ours.findIndex(isRight) : -1;
  const words = `from ${EVERYWHERE[family]} fwmark ${mark}/${mark} lookup ${TABLE} pref ${PREFERENCE}`;
  return [
    ...ours
      .filter((_rule, i) => i !== kept)
      .map((rule) => `rule delete pref ${rule["priority"]} protocol ${ROUTE_PROTOCOL}`),
    ...(wanted && kept < 0 ? [`rule add ${words} protocol ${ROUTE_PROTOCOL}`] : []),
  ];
}

/** By a next hop, for otherwise the kernel would keep a neighbour for each address. */
function routeLines(family: IpFamily, text: string, wanted: boolean): readonly string[] {
  const via = formatIp(NODE_PORT_ADDRESS[family]);
  const ours = readList(text).filter((route) => String(route["table"]) === String(TABLE));
  const ofFamily = ours.filter((route) => String(route["gateway"]).includes(":") === (family === 6));
  const isRight = (route: Readonly<Record<string, unknown>>): boolean =>
    route["dst"] === "default" && route["gateway"] === via && route["dev"] === GATEWAY_INTERFACE;
  const kept = wanted ? ofFamily.findIndex(isRight) : -1;
  const words = `via ${via} dev ${GATEWAY_INTERFACE}`;
  return [
    ...ofFamily
      .filter((_route, i) => i !== kept)
      .map((route) => `route delete ${route["dst"] === "default" ? EVERYWHERE[family] : route["dst"]} table ${TABLE}`),
    ...(wanted && kept < 0
      ? [`route add ${EVERYWHERE[family]} ${words} onlink table ${TABLE} proto ${ROUTE_PROTOCOL}`]
      : []),
  ];
}
