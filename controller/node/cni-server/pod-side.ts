import { type Cidr, cidrContains, formatIp, formatMac, isIpv4 } from "#base/address.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { gatewayOf, POD_PORT_NAME, type PodPort } from "../ports/index.ts";
import { CommandError, type Listed, readList, run } from "../system/commands.ts";
import { NetnsHelper } from "./netns-helper.ts";

/** What the kernel does for pods: veth pairs, and what is inside of a pod's namespace. */
export interface PodSide {
  plug(port: PodPort, cidrs: readonly Cidr[], mtu: number): Promise<void>;
  /**
   * Deleting one end deletes both, with addresses and routes. Resolves when neither namespace has them any more, which is
   * before the kernel lets go of their memory. Nothing there is no error.
   */
  unplug(portName: string): Promise<void>;
  /** What is wrong inside of the pod; undefined when all is as `plug` made it. */
  inspect(port: PodPort): Promise<string | undefined>;
  /** The names of the host's ends that are there. */
  list(): Promise<ReadonlySet<string>>;
}

export interface PodSideOptions {
  /** The executable weir-netns. */
  readonly helper: string;
  /** Frames reach a datapath in user space with half a checksum unless the pod's kernel finishes them. */
  readonly datapath: "system" | "netdev";
}

/** weir-netns's exit and answer code for a namespace that it could not enter. */
const NO_NAMESPACE = 65;

export function isNamespaceAbsent(error: unknown): boolean {
  return error instanceof CommandError && error.exitCode === NO_NAMESPACE;
}

export function createPodSide({ helper, datapath }: PodSideOptions): PodSide {
  const offload = datapath === "netdev" ? "nocsum" : "csum";
  const netns = new NetnsHelper(helper);
  return {
    async plug(port, cidrs, mtu) {
      await netns.request(...plugRequest(port, cidrs, mtu, offload));
    },
    unplug: (portName) => netns.request("unplug", portName),
    async inspect(port) {
      const inside = (...argv: string[]) => run(helper, ["exec", port.netns, "ip", "-j", ...argv]);
      try {
        const [link, ...routes] = await Promise.all([
          inside("address", "show", "dev", port.ifname),
          inside("-4", "route", "show", "default", "dev", port.ifname),
          inside("-6", "route", "show", "default", "dev", port.ifname),
        ]);
        return judge(port, readList(link), routes);
      } catch (error) {
        if (error instanceof CommandError) return error.message;
        throw error;
      }
    },
    async list() {
      const links = readList(await run("ip", ["-j", "link", "show", "type", "veth"]));
      const names = links.map((link) => String(link["ifname"]));
      return new Set(names.filter((name) => POD_PORT_NAME.test(name)));
    },
  };
}

/** The words of weir-netns's request: the pair, and each address with the gateway that its routes go through. */
export function plugRequest(
  port: PodPort,
  cidrs: readonly Cidr[],
  mtu: number,
  offload: "csum" | "nocsum",
): readonly string[] {
  const addresses = port.ips.flatMap((ip) => {
    const cidr = cidrs.find((one) => cidrContains(one, ip));
    if (cidr === undefined)
      throw new CommandError("weir-netns plug", -1, `${formatIp(ip)} is in none of the node's podCIDRs`);
    return [formatIp(ip), formatIp(gatewayOf(cidr))];
  });
  const { netns, ifname, name, mac } = port;
  return [...["plug", netns, ifname, name, formatMac(mac), String(mtu), offload, formatMac(ROUTER_MAC)], ...addresses];
}

function judge(port: PodPort, links: readonly Listed[], routes: readonly string[]): string | undefined {
  const link = links[0];
  if (link === undefined) return `${port.ifname} is not there`;
  if (link["address"] !== formatMac(port.mac))
    return `${port.ifname} has MAC ${link["address"]}, it should be ${formatMac(port.mac)}`;
  if (!JSON.stringify(link["flags"]).includes('"UP"')) return `${port.ifname} is down`;
  const addresses = Array.isArray(link["addr_info"]) ? link["addr_info"] : [];
  const held = new Set(addresses.map((entry: Listed) => entry["local"]));
  for (const ip of port.ips) {
    if (!held.has(formatIp(ip))) return `${port.ifname} lacks the address ${formatIp(ip)}`;
    if (readList(routes[isIpv4(ip) ? 0 : 1] ?? "[]").length === 0)
      return `there is no default route for IPv${isIpv4(ip) ? 4 : 6} through ${port.ifname}`;
  }
  return undefined;
}
