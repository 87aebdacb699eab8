import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createServices, ENDPOINTS, serveFromPods } from "#test/support/service-objects.ts";
import { alternate, type Bench, type BenchContext } from "./bench.ts";
import { command, inNetns } from "./command.ts";
import { startPolicyRig } from "./policy-rig.ts";
import { makeProxy } from "./service-proxy.ts";

const SERVICES = 1000;
const FIRST_PORT = 8080;
const PORTS = Array.from({ length: ENDPOINTS }, (_, i) => FIRST_PORT + i);
const ROUNDS = 3;
const MILLISECONDS = 500;
const CLIENTS = 8;

interface Asked {
  /** Connections a second. */
  readonly rate: number;
  /** The median connect. */
  readonly milliseconds: number;
}

/** A node with a thousand services, one of which leads to a real server; and the kernel's NAT beside it, between the same pods. */
export const bench: Bench = {
  name: "service-connections",
  about:
    "connections a second through a ClusterIP beside nftables rules as kube-proxy has them; the first packet's time",
  async run(context) {
    const rig = await startPolicyRig(context, 2);
    await createServices(rig.kube, 0, SERVICES);
    await rig.start();
    const [client, server] = [rig.pods.get("web-0")!, rig.pods.get("web-1")!];
    const clusterIp = await serveFromPods(rig.kube, SERVICES, [server.address], PORTS);
    const program = await startServer(context, server.netns);
    context.say(`nftables rules of ${SERVICES} services`);
    const proxied = await makeProxy(rig.fabric, {
      ...{ clientNetns: client.netns, serverNetns: server.netns, services: SERVICES, ports: PORTS },
    });
    const ask = async (address: string, port: number, clients: number): Promise<Asked> => {
      const argv = [program, "ask", address, String(port), String(MILLISECONDS), String(clients)];
      const [count, microseconds] = (await command(inNetns(client.netns, argv))).split(" ").map(Number);
      return { rate: (count! * 1000) / MILLISECONDS, milliseconds: microseconds! / 1000 };
    };
    await whenServed(() => ask(clusterIp, 80, 1));
    const compare = (
      what: (answer: Asked) => number,
      clients: number,
      other: { readonly of: string; readonly address: string; readonly port: number },
    ) => {
      context.say(`${ROUNDS} rounds of ${MILLISECONDS} ms with ${clients} clients, beside ${other.of}`);
      return alternate(
        ROUNDS,
        { of: "weir, in user space", probe: async () => what(await ask(clusterIp, 80, clients)) },
        { of: other.of, probe: async () => what(await ask(other.address, other.port, clients)) },
      );
    };
    const kernel = { of: "nftables in the kernel", address: proxied, port: 80 };
    const direct = { of: "weir, pod to pod", address: server.address, port: FIRST_PORT };
    const rate = (asked: Asked) => asked.rate;
    const connect = (asked: Asked) => asked.milliseconds;
    return [
      {
        ...{ what: "connections a second through a ClusterIP", unit: "connections/s" },
        ...(await compare(rate, CLIENTS, kernel)),
      },
      { what: "  the same beside pod to pod", unit: "connections/s", ...(await compare(rate, CLIENTS, direct)) },
      {
        ...{ what: "first packet through a ClusterIP to its answer", unit: "ms" },
        ...(await compare(connect, 1, direct)),
      },
      { what: "  the same beside the kernel's", unit: "ms", ...(await compare(connect, 1, kernel)) },
    ];
  },
};

/** Compiled for the purpose: what measures must cost less than what it measures. */
async function startServer({ directory, defer }: BenchContext, netns: string): Promise<string> {
  const program = join(directory, "connections");
  await command(["cc", "-O2", "-o", program, join(import.meta.dirname, "connections.c")]);
  const argv = inNetns(netns, [program, "serve", String(FIRST_PORT), String(ENDPOINTS)]);
  const server = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  defer(() => {
    server.kill();
    return ended;
  });
  await new Promise<void>((resolve) => createInterface({ input: server.stdout }).once("line", () => resolve()));
  return program;
}

/** Until the switch has it, nobody answers. */
async function whenServed(ask: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await ask();
      return;
    } catch (error) {
      if (attempt === 10) throw error;
    }
}
