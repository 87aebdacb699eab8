import { feed, ipBatch, shell } from "../demo/shell.ts";
import { alternate, type Bench } from "./bench.ts";
import { command, inNetns, measureThroughput } from "./command.ts";
import { makeLab } from "./lab.ts";

const SECONDS = 1;
const ROUNDS = 11;

interface OvsNode {
  readonly netns: string;
  readonly ovsDirectory: string;
}

export const bench: Bench = {
  name: "throughput",
  about: "TCP from pod to pod through Weir, against the barest bridge and tunnel on the same two daemons",
  async run(context) {
    const { fabric, lab } = await makeLab(context);
    const [alpha, beta] = ["alpha", "beta"].map((name) => lab.nodes.get(name)?.fabricNode);
    const pod = (key: string) => lab.pods.get(key)!.endpoint;
    const [web, cart, db] = [pod("shop/web"), pod("shop/cart"), pod("shop/db")];
    const mtu = await readMtu(web.netns);
    const add = async (node: OvsNode, name: string, address: string): Promise<string> =>
      addPlainPod(node, { bridge: "br-bare", name, address, mtu, netns: await fabric.addNamespace(name) });
    for (const node of [alpha!, beta!]) await addBridge(node);
    const [one, two, far] = [
      await add(alpha!, "bare1", "10.99.0.1"),
      await add(alpha!, "bare2", "10.99.0.2"),
      await add(beta!, "bare3", "10.99.0.3"),
    ];
    await addTunnel(alpha!, "172.18.0.2");
    await addTunnel(beta!, "172.18.0.1");
    await warmUp(web.netns, db.addresses[4]!);
    await warmUp(one, "10.99.0.3");
    const flow = (from: string, to: string, address: string) => () => measureThroughput(from, to, address, SECONDS);

    context.say(`on one node, ${ROUNDS} rounds of ${SECONDS} s each`);
    const local = await alternate(
      ROUNDS,
      { of: "weir", probe: flow(web.netns, cart.netns, cart.addresses[4]!) },
      { of: "actions=NORMAL bridge", probe: flow(one, two, "10.99.0.2") },
    );
    context.say("between nodes");
    const remote = await alternate(
      ROUNDS,
      { of: "weir", probe: flow(web.netns, db.netns, db.addresses[4]!) },
      { of: "bare geneve path", probe: flow(one, far, "10.99.0.3") },
    );
    return [
      { what: "pod to pod, one node", unit: "Mb/s", ...local, target: { of: "ratio", atLeast: 0.88 } },
      { what: "pod to pod, between nodes", unit: "Mb/s", ...remote, target: { of: "ratio", atLeast: 0.95 } },
    ];
  },
};

/** The first packet to a peer is lost: Open vSwitch asks for the peer's MAC. */
async function warmUp(from: string, address: string): Promise<void> {
  await command(inNetns(from, ["ping", "-c", "1", "-w", "10", "-i", "0.2", address]));
}

async function readMtu(netns: string): Promise<number> {
  const [link]: { mtu: number }[] = JSON.parse(await command(inNetns(netns, ["ip", "-j", "link", "show", "eth0"])));
  return link?.mtu ?? 1450;
}

function vsctl({ ovsDirectory }: OvsNode, ...argv: string[]): Promise<string> {
  return shell("ovs-vsctl", `--db=unix:${ovsDirectory}/db.sock`, ...argv);
}

function addBridge(node: OvsNode): Promise<string> {
  return vsctl(node, "add-br", "br-bare", "--", "set", "bridge", "br-bare", "datapath_type=netdev");
}

/** Another tunnel port than Weir's, for a fixed peer and key: packets of that key are its own. */
function addTunnel(node: OvsNode, peer: string): Promise<string> {
  const options = ["type=geneve", `options:remote_ip=${peer}`, "options:key=99"];
  return vsctl(node, "add-port", "br-bare", "bare-tun", "--", "set", "Interface", "bare-tun", ...options);
}

/** Two ends of a veth, as Weir makes them for its pods, and a plain address. */
async function addPlainPod(
  node: OvsNode,
  pod: { bridge: string; name: string; address: string; mtu: number; netns: string },
): Promise<string> {
  const { bridge, name, address, mtu, netns } = pod;
  await ipBatch(node.netns, [
    `link add ${name} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${netns}`,
    `link set ${name} up`,
  ]);
  await ipBatch(netns, [`address add ${address}/24 dev eth0`, "link set eth0 up"]);
  await shell("ip", "netns", "exec", netns, "ethtool", "-K", "eth0", "tx", "off");
  const drop = `table netdev bare_${name} { chain c { type filter hook ingress device ${name} priority -500; policy drop; }\n}\n`;
  await feed(inNetns(node.netns, ["nft", "-f", "-"]), drop);
  await vsctl(node, "add-port", bridge, name);
  return netns;
}
