import { createHash } from "node:crypto";
import { join } from "node:path";
import { formatIp, isIpv4 } from "#base/address.ts";
import type { Node, Pod } from "#pipeline/model/model.ts";
import { type CniCall, type CniResult, callCni } from "./cni.ts";
import type { PodAddresses } from "./control-plane.ts";
import type { Addresses, Fabric, FabricNode } from "./fabric.ts";
import type { Intent } from "./manifests.ts";
import type { Place } from "./matrix.ts";
import type { Narrator } from "./narrator.ts";
import { type Probed, type Prober, startProber } from "./probing.ts";
import { startWeirNode, type WeirNode, type WeirNodeOptions } from "./weir-node.ts";

interface LabNode extends Probed {
  readonly fabricNode: FabricNode;
  readonly weir: WeirNode;
}

interface LabPod extends Probed {
  readonly pod: Pod;
  readonly call: CniCall;
}

export interface LabOptions {
  readonly fabric: Fabric;
  readonly narrator: Narrator;
  readonly source: WeirNodeOptions["source"];
  readonly traffic: Readonly<Record<string, unknown>>;
  /** By "namespace/name", where an API server gave them. */
  uidOf(key: string): string;
}

const SHIM = join(import.meta.dirname, "..", "dist", "weir-cni");
const READY_PATIENCE = 20_000;

/** The machines and containers of the demonstration: what kubelet and a container runtime do, and no more. */
export class Lab {
  readonly #options: LabOptions;
  readonly #nodes = new Map<string, LabNode>();
  readonly #pods = new Map<string, LabPod>();
  #outside: Probed | undefined;

  constructor(options: LabOptions) {
    this.#options = options;
  }

  get nodes(): ReadonlyMap<string, LabNode> {
    return this.#nodes;
  }

  get pods(): ReadonlyMap<string, LabPod> {
    return this.#pods;
  }

  /** Of the pods that run, by "namespace/name". */
  get addresses(): PodAddresses {
    return new Map([...this.#pods].map(([key, { endpoint }]) => [key, endpoint.addresses]));
  }

  /** Pods first, then nodes, then the outside. */
  get endpoints(): Probed[] {
    const pods = [...this.#pods].sort(([a], [b]) => a.localeCompare(b)).map(([, pod]) => pod);
    const inOrder = pods.sort((a, b) => (a.endpoint.node ?? "").localeCompare(b.endpoint.node ?? ""));
    return [...inOrder, ...this.#nodes.values(), ...(this.#outside === undefined ? [] : [this.#outside])];
  }

  /** Makes the lab what the manifests say; returns the pods that are new. */
  async apply({ nodes, pods }: Intent): Promise<readonly Place[]> {
    const leaving = [...this.#pods.values()].filter(({ pod }) => !isSamePod(pod, pods.get(keyOf(pod))));
    await Promise.all(leaving.map((one) => this.#unplug(one)));
    await Promise.all([...this.#nodes.keys()].filter((name) => !nodes.has(name)).map((name) => this.#removeNode(name)));
    await Promise.all([
      this.#startOutside(),
      ...[...nodes.values()].filter(({ name }) => !this.#nodes.has(name)).map((node) => this.#addNode(node)),
    ]);
    const arriving = [...pods.values()].filter((pod) => !this.#pods.has(keyOf(pod)) && this.#hasNode(pod));
    return Promise.all(arriving.map((pod) => this.#plug(pod)));
  }

  /** The fabric takes everything down; this ends in order what can be. */
  async close(): Promise<void> {
    const probers = this.endpoints.map(({ prober }) => prober.close());
    await Promise.all([...probers, ...[...this.#nodes.values()].map(({ weir }) => weir.stop("SIGKILL"))]);
  }

  async #startOutside(): Promise<void> {
    if (this.#outside !== undefined) return;
    const { netns, addresses } = this.#options.fabric.outside;
    const prober = await startProber(netns);
    this.#outside = { endpoint: { label: "outside", kind: "outside", netns, addresses }, prober };
  }

  async #addNode(node: Node): Promise<void> {
    const { fabric, narrator, source, traffic } = this.#options;
    const addresses = addressesOf(node);
    const fabricNode = await narrator.step(
      `node ${node.name}: namespace, ovsdb-server and ovs-vswitchd, ${Object.values(addresses).join(" ")}`,
      () => fabric.addNode(node.name, addresses),
    );
    const { netns, directory, ovsDirectory } = fabricNode;
    const [weir, prober] = await Promise.all([
      narrator.step(
        `node ${node.name}: weir-node started, bridge and flows in, CNI configuration written`,
        async () => {
          const started = await startWeirNode({ name: node.name, netns, directory, ovsDirectory, source, traffic });
          await started.whenReady(READY_PATIENCE);
          return started;
        },
      ),
      startProber(netns),
    ]);
    this.#nodes.set(node.name, {
      fabricNode,
      weir,
      prober,
      endpoint: { label: node.name, kind: "node", netns, addresses },
    });
  }

  async #removeNode(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    await Promise.all(
      [...this.#pods.values()].filter(({ pod }) => pod.nodeName === name).map((pod) => this.#unplug(pod)),
    );
    this.#nodes.delete(name);
    await this.#options.narrator.step(`node ${name}: gone`, async () => {
      await Promise.all([node.weir.stop(), node.prober.close()]);
      await node.fabricNode.remove();
    });
  }

  #hasNode(pod: Pod): boolean {
    if (this.#nodes.has(pod.nodeName ?? "")) return true;
    this.#options.narrator.say(`pod ${keyOf(pod)} waits: there is no node ${pod.nodeName}`);
    return false;
  }

  async #plug(pod: Pod): Promise<Place> {
    const { fabric, narrator, uidOf } = this.#options;
    const node = this.#nodes.get(pod.nodeName ?? "");
    if (node === undefined) throw new Error(`there is no node ${pod.nodeName}`);
    const key = keyOf(pod);
    const containerId = createHash("sha256").update(`${key} ${Date.now()}`).digest("hex");
    const { namespace, name } = pod;
    const netns = await fabric.addNamespace(`${namespace}.${name}`);
    const { cniSocket, conflist } = node.weir.paths;
    const call: CniCall = {
      executable: SHIM,
      ...{ conflist, containerId, socket: cniSocket, netns: `/run/netns/${netns}` },
      pod: { namespace, name, uid: uidOf(key) },
    };
    let prober: Prober | undefined;
    try {
      const describe = (result: CniResult) => `pod ${key} on ${pod.nodeName}: CNI ADD, ${listAddresses(result)}`;
      const result = await narrator.step(describe, () => callCni("ADD", call));
      prober = await startProber(netns);
      const addresses = readAddresses(result);
      const endpoint: Place = { label: key, kind: "pod", node: pod.nodeName ?? "", netns, addresses };
      this.#pods.set(key, { pod, call, prober, endpoint });
      return endpoint;
    } catch (error) {
      await prober?.close();
      await callCni("DEL", call).catch(() => {});
      await fabric.removeNamespace(netns);
      throw error;
    }
  }

  async #unplug({ pod, call, prober, endpoint }: LabPod): Promise<void> {
    this.#pods.delete(keyOf(pod));
    await this.#options.narrator.step(`pod ${keyOf(pod)} on ${pod.nodeName}: CNI DEL`, () => callCni("DEL", call));
    await prober.close();
    await this.#options.fabric.removeNamespace(endpoint.netns);
  }
}

function keyOf({ namespace, name }: Pod): string {
  return `${namespace}/${name}`;
}

/** A pod that moved to another node, or was deleted and made again, is another pod. */
function isSamePod(before: Pod, after: Pod | undefined): boolean {
  return after !== undefined && before.nodeName === after.nodeName && before.uid === after.uid;
}

function addressesOf({ addresses }: Node): Addresses {
  const v4 = addresses.find(isIpv4);
  const v6 = addresses.find((ip) => !isIpv4(ip));
  return { ...(v4 !== undefined && { 4: formatIp(v4) }), ...(v6 !== undefined && { 6: formatIp(v6) }) };
}

function readAddresses({ ips = [] }: CniResult): Addresses {
  const bare = ips.map(({ address }) => address.split("/")[0]!);
  const v4 = bare.find((address) => !address.includes(":"));
  const v6 = bare.find((address) => address.includes(":"));
  return { ...(v4 !== undefined && { 4: v4 }), ...(v6 !== undefined && { 6: v6 }) };
}

function listAddresses(result: CniResult): string {
  return Object.values(readAddresses(result)).join(" ") || "no address";
}
