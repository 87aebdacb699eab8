import { parseIp, parseMac } from "#base/address.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import type { Kube } from "#test/rig/kube.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";
import { openWire } from "#test/support/policy-wire.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { type PolicyRig, startPolicyRig } from "./policy-rig.ts";

const ROUNDS = 25;
const WARM_UP = 3;
/** Seconds between packets; and how long they go on after the API server has answered, in milliseconds. */
const PAUSE = 0.0003;
const REST = 60;
const PATH = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
const DENY = { metadata: { name: "deny" }, spec: { podSelector: { matchLabels: { app: "web-1" } } } };

/** One connection's packets go from pod to pod all the while: what its first packet that is treated otherwise tells. */
export const bench: Bench = {
  name: "policy-latency",
  about:
    "from the API call that creates or deletes a denying policy to the first packet that is stopped, or passes again",
  async run(context) {
    const rig = await startPolicyRig(context, 2);
    await rig.start();
    const beat = await startBeat(context, rig);
    const created: number[] = [];
    const deleted: number[] = [];
    const creations: number[] = [];
    const deletions: number[] = [];
    context.say(`${ROUNDS} policies created and deleted`);
    for (let round = 0; round < WARM_UP + ROUNDS; round++) {
      const came = await beat(() => request(rig.kube, "POST", PATH, DENY), false);
      const went = await beat(() => request(rig.kube, "DELETE", `${PATH}/deny`), true);
      if (round < WARM_UP) continue;
      created.push(came.latency);
      deleted.push(went.latency);
      creations.push(came.call);
      deletions.push(went.call);
    }
    return [
      row("policy created to first packet stopped", created, 6, creations),
      row("policy deleted to first packet through", deleted, 8, deletions),
    ];
  },
};

function row(what: string, values: readonly number[], atMost: number, calls: readonly number[]): Row {
  const anchor = { of: "the API server's answer", values: calls };
  return { what, unit: "ms", weir: { of: "weir", values }, anchor, target: { of: "value", atMost } };
}

interface Beaten {
  /** From the call to the first packet that was treated as it should be from then on. */
  readonly latency: number;
  /** From the call to its answer. */
  readonly call: number;
}

async function startBeat({ defer }: BenchContext, { pods }: PolicyRig) {
  const wire = await openWire();
  defer(() => wire.close());
  const [from, to] = [pods.get("web-0")!, pods.get("web-1")!];
  await wire.openTap("from", from.netns, "eth0");
  await wire.openTap("to", to.netns, "eth0");
  const payload = udp(40_000, 9, "number..");
  const packet = ip({ source: parseIp(from.address)!, destination: parseIp(to.address)!, protocol: 17, payload });
  const frame = ethernet(ROUTER_MAC, parseMac(from.mac)!, ETHER.ipv4, packet).toString("hex");
  return async (call: () => Promise<void>, passes: boolean): Promise<Beaten> => {
    let began = 0;
    let ended = 0;
    const beats = await wire.pulse("from", frame, "to", PAUSE, async () => {
      await rest();
      began = now();
      await call();
      ended = now();
      await rest();
    });
    const last = beats.findLastIndex(([, isHeard]) => isHeard !== passes);
    const first = beats[last + 1];
    if (first === undefined) throw new Error("no packet was treated otherwise after the call");
    return { latency: first[0] - began, call: ended - began };
  };
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST));
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function request(kube: Kube, method: string, path: string, body?: unknown): Promise<void> {
  const { status, body: answer } = await kube.request(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
}
