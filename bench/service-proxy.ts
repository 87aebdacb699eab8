import type { Fabric } from "../demo/fabric.ts";
import { feed, ipBatch, shell } from "../demo/shell.ts";
import { inNetns } from "./command.ts";

/** What the rules have of services, as kube-proxy's nftables mode would lay them out. */
export interface ProxyPlan {
  readonly clientNetns: string;
  readonly serverNetns: string;
  /** How many services there are; the first leads to the server, at each of these ports. */
  readonly services: number;
  readonly ports: readonly number[];
}

const CLIENT = "192.168.1";
const SERVER = "192.168.2";

/**
 * A router between two namespaces with the kernel's own NAT: a map leads from address, protocol and port to a service's chain, which
 * picks an endpoint's at random, which translates. Gives the address of the service that leads to the server.
 */
export async function makeProxy(fabric: Fabric, plan: ProxyPlan): Promise<string> {
  const router = await fabric.addNamespace("router");
  for (const [name, netns, net] of [
    ["client", plan.clientNetns, CLIENT],
    ["server", plan.serverNetns, SERVER],
  ] as const) {
    await ipBatch(router, [
      `link add ${name} type veth peer name kernel0 netns ${netns}`,
      ...[`address add ${net}.1/24 dev ${name}`, `link set ${name} up`],
    ]);
    await ipBatch(netns, [`address add ${net}.2/24 dev kernel0`, "link set kernel0 up"]);
    // As on Weir's own veths.
    await shell(...inNetns(netns, ["ethtool", "-K", "kernel0", "tx", "off"]));
  }
  await ipBatch(plan.clientNetns, [`route add 10.97.0.0/16 via ${CLIENT}.1 dev kernel0`]);
  await ipBatch(plan.serverNetns, [`route add ${CLIENT}.0/24 via ${SERVER}.1 dev kernel0`]);
  await shell(...inNetns(router, ["sysctl", "-qw", "net.ipv4.ip_forward=1"]));
  await feed(inNetns(router, ["nft", "-f", "-"]), rulesOf(plan));
  return addressOf(0);
}

function addressOf(service: number): string {
  return `10.97.${service >> 8}.${service & 255}`;
}

function rulesOf({ services, ports }: ProxyPlan): string {
  const chains: string[] = [];
  const elements: string[] = [];
  for (let i = 0; i < services; i++) {
    const choices: string[] = [];
    for (const [j, port] of ports.entries()) {
      const ip = i === 0 ? `${SERVER}.2` : `10.${40 + (i >> 8)}.${i & 255}.${j + 1}`;
      chains.push(
        `chain endpoint-${i}-${j} {\n ip saddr ${ip} jump mark-hairpin\n meta l4proto tcp dnat to ${ip}:${port}\n}`,
      );
      choices.push(`${j} : goto endpoint-${i}-${j}`);
    }
    chains.push(`chain service-${i} {\n numgen random mod ${ports.length} vmap { ${choices.join(", ")} }\n}`);
    elements.push(`${addressOf(i)} . tcp . 80 : goto service-${i}`);
  }
  return `table ip proxy {
chain mark-hairpin {\n meta mark set meta mark or 0x4000\n}
${chains.join("\n")}
map services {\n type ipv4_addr . inet_proto . inet_service : verdict\n elements = { ${elements.join(", ")} }\n}
map empty {\n type ipv4_addr . inet_proto . inet_service : verdict\n}
chain choose {\n ip daddr . meta l4proto . th dport vmap @services\n}
chain before {\n type nat hook prerouting priority dstnat\n jump choose\n}
chain own {\n type nat hook output priority -100\n jump choose\n}
chain after {\n type nat hook postrouting priority srcnat\n meta mark and 0x4000 != 0 masquerade\n}
chain refuse {\n ip daddr . meta l4proto . th dport vmap @empty\n}
chain through {\n type filter hook forward priority filter\n ct state new jump refuse\n}
}
`;
}
