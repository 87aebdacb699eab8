import { execFile } from "node:child_process";
import { type Cidr, cidrContains, formatIp, formatMac, isIpv4 } from "#base/address.ts";
import { WeirError } from "#base/errors.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { gatewayOf, POD_PORT_NAME, type PodPort } from "../ports/index.ts";

/** A program ended badly; `complaint` is what it wrote to stderr. */
export class CommandError extends WeirError {
  readonly exitCode: number;

  constructor(command: string, exitCode: number, complaint: string) {
    super("E_COMMAND", `${command}: ${complaint.trim() || `exit code ${exitCode}`}`, { command, exitCode });
    this.exitCode = exitCode;
  }
}

/** What the kernel does for pods, each call one process: veth pairs, and what is inside of a pod's namespace. */
export interface PodSide {
  plug(port: PodPort, cidrs: readonly Cidr[], mtu: number): Promise<void>;
  /** Deleting one end deletes both, with addresses and routes. Nothing there is no error. */
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

export function createPodSide({ helper, datapath }: PodSideOptions): PodSide {
  return {
    async plug(port, cidrs, mtu) {
      const offload = datapath === "netdev" ? "nocsum" : "csum";
      const batch = podBatch(port, cidrs, mtu, process.pid);
      await run(helper, ["plug", port.netns, port.ifname, port.name, offload], batch);
    },
    async unplug(portName) {
      try {
        await run("ip", ["link", "delete", "dev", portName]);
      } catch (error) {
        if (!(error instanceof CommandError && error.message.includes("Cannot find device"))) throw error;
      }
    },
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

/** Made inside of the pod's namespace; `pid` is a process in the node's, where the other end goes. */
export function podBatch(port: PodPort, cidrs: readonly Cidr[], mtu: number, pid: number): string {
  const { ifname, name, mac, ips } = port;
  const lines = [
    `link add ${ifname} address ${formatMac(mac)} mtu ${mtu} type veth peer name ${name} mtu ${mtu} netns ${pid}`,
    // nodad: the switch answers for every neighbour, so nobody could object, and waiting costs a second.
    ...ips.map((ip) => `address add ${formatIp(ip)}/${isIpv4(ip) ? 32 : "128 nodad"} dev ${ifname}`),
    `link set ${ifname} up`,
  ];
  for (const ip of ips) {
    const cidr = cidrs.find((one) => cidrContains(one, ip));
    if (cidr === undefined) continue;
    const gateway = formatIp(gatewayOf(cidr));
    lines.push(
      `route add ${gateway}/${isIpv4(ip) ? 32 : 128} dev ${ifname}`,
      `route add default via ${gateway} dev ${ifname}`,
      `neighbour replace ${gateway} lladdr ${formatMac(ROUTER_MAC)} dev ${ifname} nud permanent`,
    );
  }
  return `${lines.join("\n")}\n`;
}

type Listed = Readonly<Record<string, unknown>>;

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

function readList(text: string): readonly Listed[] {
  const list: unknown = JSON.parse(text.trim() === "" ? "[]" : text);
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
}

function run(file: string, argv: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, argv, { timeout: 20_000 }, (error, output, complaint) => {
      if (error === null) return resolve(output);
      const code = typeof error.code === "number" ? error.code : -1;
      reject(new CommandError([file, ...argv].join(" "), code, complaint || error.message));
    });
    // A program that ends before it has read all of it says why by itself.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
