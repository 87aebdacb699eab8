import { setTimeout as delay } from "node:timers/promises";
import { isEqual } from "#base/equal.ts";
import { describeError, WeirError } from "#base/errors.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { CommandError, run } from "../system/commands.ts";
import { createFormerValues, type FormerValues } from "./former-values.ts";
import { type GatewayLink, gatewayLines, readGateway } from "./gateway.ts";
import { createNftTables, removeNftTables } from "./nft-tables.ts";
import { wantedTable } from "./nftables.ts";
import { ROUTE_PROTOCOL, readRoutes, routeLines } from "./routes.ts";
import { familiesOf, type InstalledSteering, steeringLines } from "./steering.ts";
import { applySysctls, readSysctl, restoreSysctls } from "./sysctls.ts";
import { announcedInterfaces, usesIpv6, wantedSysctls } from "./wanted-sysctls.ts";

export interface HostOptions {
  /** Former values of sysctls are kept there, in host.json. */
  readonly stateDirectory: string;
  readonly datapath: "system" | "netdev";
  readonly encapsulation: "always" | "never" | "hybrid";
  readonly tunnel: "geneve" | "vxlan";
  readonly masquerade: boolean;
  /** CIDR text; NodePorts are for addresses of this node within them, or for all when there are none. */
  readonly nodePortAddresses: readonly string[];
  /** Of weir-gw0, as of pods; undefined while it is not known: then the interface keeps its own. */
  mtu(): number | undefined;
  /** The interface of direct routes; undefined while it is not known: then the kernel chooses by the next hop. */
  transportInterface(): string | undefined;
}

/** What the node needs beside the switch: weir-gw0, routes, sysctls and nftables. */
export interface Host {
  /**
   * Reads back what is there and mends every difference, whoever made it; returns how many there were. Called for each new
   * state and, with the same one, from time to time. Calls do not overlap. What can be done is done before it rejects with
   * a HostError that tells all that could not.
   */
  apply(state: HostState): Promise<{ readonly changes: number }>;
}

export class HostError extends WeirError {}

const TUNNEL_PORT = { geneve: 6081, vxlan: 4789 } as const;
/** Open vSwitch makes the interface some milliseconds after the row in its database; longer than this, and it is in trouble. */
const PATIENCE = 2000;
/** Removing one thing may take another with it (an address its routes): what is missing then is put back in the next round. */
const ROUNDS = 3;

export function createHost(options: HostOptions): Host {
  const former = createFormerValues(options.stateDirectory);
  const nftTables = createNftTables();
  const { masquerade, datapath, encapsulation, tunnel, nodePortAddresses } = options;
  const firewall = {
    masquerade,
    nodePortAddresses,
    datapath,
    tunnelPort: encapsulation === "never" ? undefined : TUNNEL_PORT[tunnel],
  };

  async function applyRouting(state: HostState): Promise<number> {
    await whenGatewayExists();
    const sysctls = await applySysctls(wantedSysctls(state, await readAnnounced(state)), former);
    return sysctls + (await mendRouting(state, options));
  }

  return {
    async apply(state) {
      const [routing, tables] = await settleAll("the host is not as it should be", [
        applyRouting(state),
        nftTables.apply((family) => wantedTable(family, state, firewall)),
      ]);
      return { changes: routing + tables };
    },
  };
}

/**
 * Takes back all that `apply` did, in this process or an earlier one, as often as it is called. The bridge may be there
 * still or be gone: weir-gw0 itself goes with it.
 */
export async function uninstallHost(options: { readonly stateDirectory: string }): Promise<void> {
  await settleAll("the host is not as it was before Weir", [
    removeNftTables(),
    removeRouting(),
    restoreFormerValues(createFormerValues(options.stateDirectory)),
  ]);
}

async function removeRouting(): Promise<void> {
  const [gateway, installed] = await Promise.all([listGateway(), listInstalled()]);
  const steering = steeringLines(installed, new Set());
  const lines = [
    ...routeLines(readRoutes(installed.routes), [], undefined),
    ...steering[4],
    ...(gateway === undefined ? [] : gatewayLines({ ...gateway, up: true }, { mtu: undefined, addresses: [] })),
    ...(gateway?.up ? [`link set dev ${GATEWAY_INTERFACE} down`] : []),
  ];
  await runBatch(lines);
  await runBatch(steering[6], "-6");
}

async function restoreFormerValues(former: FormerValues): Promise<void> {
  await restoreSysctls(await former.recall());
  await former.forget();
}

/** Each does what it can, whatever happens to the others; then all that failed is told at once. */
async function settleAll<const T extends readonly Promise<unknown>[]>(
  complaint: string,
  parts: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(parts);
  const failures = results.filter((result) => result.status === "rejected").map(({ reason }) => describeError(reason));
  if (failures.length > 0) throw new HostError("E_HOST", `${complaint}: ${failures.join("; ")}`, { failures });
  return Promise.all(parts) as Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
}

async function mendRouting(state: HostState, options: HostOptions): Promise<number> {
  let changes = 0;
  let complaint: unknown;
  let before: readonly string[] = [];
  for (let round = 0; ; round++) {
    const [lines, ofIpv6] = await routingLines(state, options);
    const all = [...lines, ...ofIpv6];
    if (all.length === 0) return changes;
    if (round === ROUNDS || isEqual(all, before)) throw notMended(all, complaint);
    changes += all.length;
    complaint = await runBatch(lines)
      .then(() => runBatch(ofIpv6, "-6"))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    before = all;
  }
}

/** Those that are only for IPv6 by themselves, for `ip` reads rules of one family at a time. */
async function routingLines(state: HostState, options: HostOptions): Promise<[string[], readonly string[]]> {
  const [gateway, installed] = await Promise.all([listGateway(), listInstalled()]);
  if (gateway === undefined) throw noGateway();
  const steering = steeringLines(installed, familiesOf(state.services.outsidePorts));
  const lines = [
    ...gatewayLines(gateway, { mtu: options.mtu(), addresses: state.gatewayAddresses }),
    ...routeLines(readRoutes(installed.routes), state.routes.values(), options.transportInterface()),
    ...steering[4],
  ];
  return [lines, steering[6]];
}

function notMended(lines: readonly string[], complaint: unknown): HostError {
  const taken = complaint instanceof CommandError && complaint.complaint.includes("File exists");
  const cure = taken ? "; somebody else has a route there: see `ip route`, and remove one of the two" : "";
  const why = complaint === undefined ? "" : `: ${describeError(complaint)}`;
  return new HostError("E_HOST_ROUTING", `still to be done: ip ${lines.join(", ip ")}${why}${cure}`, { lines });
}

async function whenGatewayExists(): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  // The kernel's own list: /sys may show another network namespace.
  while ((await readSysctl(`net/ipv4/conf/${GATEWAY_INTERFACE}/forwarding`)) === undefined) {
    if (performance.now() > deadline) throw noGateway();
    await delay(20);
  }
}

function noGateway(): HostError {
  const message = `there is no interface ${GATEWAY_INTERFACE}; Open vSwitch makes it with the bridge: see \`ovs-vsctl show\` and whether ovs-vswitchd runs`;
  return new HostError("E_HOST_NO_GATEWAY", message, { interface: GATEWAY_INTERFACE });
}

async function listGateway(): Promise<GatewayLink | undefined> {
  try {
    return readGateway(await run("ip", ["-j", "address", "show", "dev", GATEWAY_INTERFACE]));
  } catch (error) {
    if (error instanceof CommandError && error.complaint.includes("does not exist")) return undefined;
    throw error;
  }
}

async function listInstalled(): Promise<InstalledSteering> {
  const [routes, ipv4, ipv6] = await Promise.all([
    run("ip", ["-N", "-j", "route", "show", "table", "all", "proto", String(ROUTE_PROTOCOL)]),
    run("ip", ["-N", "-j", "-4", "rule", "show"]),
    run("ip", ["-N", "-j", "-6", "rule", "show"]),
  ]);
  return { routes, rules: { 4: ipv4, 6: ipv6 } };
}

async function readAnnounced(state: HostState): Promise<string[]> {
  if (!usesIpv6(state)) return [];
  return announcedInterfaces(await run("ip", ["-N", "-j", "-6", "route", "show", "default", "proto", "ra"]));
}

/** `-force`: what one line cannot do does not keep the others from being done. */
async function runBatch(lines: readonly string[], ...options: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("ip", [...options, "-force", "-batch", "-"], `${lines.join("\n")}\n`);
}
