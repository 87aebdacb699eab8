import { execFile } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Mac, parseMac } from "#base/address.ts";
import { parseManifest, toChange } from "#controller/node/watch/manifests/parse.ts";
import type { View } from "#pipeline/model/model.ts";
import { createModelStore, type ModelStore } from "#pipeline/model/store.ts";
import { type CniCall, callCni } from "../../demo/cni.ts";
import { createFabric, type Fabric, type FabricNode } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode, type WeirNodeOptions } from "../../demo/weir-node.ts";
import { until } from "../watch/until.ts";
import { nodeManifest } from "./cluster.ts";
import { openWire, type Wire } from "./policy-wire.ts";

const exec = promisify(execFile);
const SHIM = join(import.meta.dirname, "..", "..", "dist", "weir-cni");
/** Each commit allows traffic to the beacons at a port of its own: so its coming into force can be seen. */
const FIRST_TICK = 20_000;

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

export interface PluggedPod {
  readonly key: string;
  readonly node: string;
  readonly netns: string;
  readonly mac: Mac;
  readonly ips: Readonly<Record<Family, string>>;
  readonly call: CniCall;
}

export interface PolicyNode {
  readonly name: string;
  readonly machine: FabricNode;
  weir: WeirNode;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/**
 * Two nodes with Weir on one folder of manifests, pods that the CNI executable plugs in, and a tap on every pod. On each node
 * there is a pod of the namespace "beacon": its node reaches it always, and a policy about it says which commit is in force.
 */
export class PolicyFabric {
  readonly fabric: Fabric;
  readonly wire: Wire;
  readonly manifests: string;
  readonly nodes = new Map<string, PolicyNode>();
  readonly pods = new Map<string, PluggedPod>();
  /** Those for which ADD has not returned. */
  readonly arriving = new Map<string, PluggedPod>();
  readonly #policies: WeirNodeOptions["policies"];
  readonly #objects = new Map<string, Manifest>();
  readonly #store: ModelStore = createModelStore(["manifests"]);
  #written = new Set<string>();
  #plugs = 0;
  #tick = FIRST_TICK;

  private constructor(fabric: Fabric, wire: Wire, policies: WeirNodeOptions["policies"]) {
    this.fabric = fabric;
    this.wire = wire;
    this.#policies = policies;
    this.manifests = join(fabric.directory, "manifests");
  }

  /** `policies`: of the nodes' configuration. */
  static async create(
    name: string,
    nodes: readonly string[] = ["n1", "n2"],
    policies: WeirNodeOptions["policies"] = {},
  ): Promise<PolicyFabric> {
    const fabric = await createFabric(`weir-t-${name}`);
    const self = new PolicyFabric(fabric, await openWire(), policies);
    try {
      await mkdir(self.manifests, { recursive: true });
      self.put(...nodes.map((node, i) => nodeManifest(node, i + 1, FAMILIES, FAMILIES) as Manifest));
      await self.write();
      await Promise.all(nodes.map((node, i) => self.#addNode(node, i + 1)));
      await self.wire.openTap("outside", fabric.outside.netns, "wire");
      await self.wire.openHost("outside", fabric.outside.netns);
      const beacons = await Promise.all(nodes.map((node) => self.plug(`beacon/${node}`, node)));
      self.put(...beacons.map((pod) => podObject(pod)));
      await self.commit();
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  /** The objects as the nodes read them. */
  get view(): View {
    return this.#store.view;
  }

  /** The number of the last commit, as the port that it opens on the beacons. */
  get tick(): number {
    return this.#tick;
  }

  async #addNode(name: string, number: number): Promise<void> {
    const addresses = { 4: `172.18.0.${number}`, 6: `fd18::${number}` };
    const machine = await this.fabric.addNode(name, addresses);
    const node = { name, machine, weir: await this.#spawn(name, machine) };
    this.nodes.set(name, node);
    await node.weir.whenReady(20_000);
    await this.wire.openTap(name, machine.netns, "weir-gw0");
    await this.wire.openTap(`${name} uplink`, machine.netns, "br-phy");
    await this.wire.openHost(name, machine.netns);
    const { netns } = this.fabric.outside;
    await exec("ip", ["-n", netns, "route", "add", `10.10.${number}.0/24`, "via", addresses[4]]);
    await exec("ip", ["-n", netns, "route", "add", `fd10:10:${number}::/64`, "via", addresses[6]]);
  }

  #spawn(name: string, machine: FabricNode): Promise<WeirNode> {
    const source = { manifests: this.manifests };
    return startWeirNode({ name, ...machine, source, policies: this.#policies ?? {} });
  }

  node(name: string): PolicyNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  pod(key: string): PluggedPod {
    const pod = this.pods.get(key);
    if (pod === undefined) throw new Error(`no pod ${key}`);
    return pod;
  }

  async stop(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.node(name).weir.stop(signal);
  }

  async restart(name: string): Promise<void> {
    const node = this.node(name);
    node.weir = await this.#spawn(name, node.machine);
    await node.weir.whenReady(20_000);
  }

  /** CNI ADD, and a tap. The Pod object is the test's affair. */
  async plug(key: string, node: string, uid = ""): Promise<PluggedPod> {
    const prepared = await this.prepare(key, node, uid);
    return this.finish(key, node, prepared);
  }

  /** A namespace for a pod, and the call that will plug it in. */
  async prepare(key: string, node: string, uid = ""): Promise<CniCall> {
    const [namespace = "", name = ""] = key.split("/");
    const { cniSocket, conflist } = this.node(node).weir.paths;
    const netns = await this.fabric.addNamespace(`${namespace}.${name}`);
    return {
      ...{ executable: SHIM, conflist, socket: cniSocket, netns: `/run/netns/${netns}` },
      containerId: `${key.replace("/", "-")}-${++this.#plugs}`,
      pod: { namespace, name, uid },
    };
  }

  async finish(key: string, node: string, call: CniCall): Promise<PluggedPod> {
    const { ips = [], interfaces = [] } = await callCni("ADD", call);
    const addresses = ips.map(({ address }) => address.split("/")[0]!);
    const mac = parseMac(interfaces.find(({ sandbox }) => sandbox)?.mac ?? "");
    const [v4, v6] = [addresses.find(isV4), addresses.find((address) => !isV4(address))];
    if (mac === undefined || v4 === undefined || v6 === undefined) throw new Error(`no addresses for ${key}`);
    const netns = call.netns.replace("/run/netns/", "");
    const pod = { key, node, netns, mac, ips: { 4: v4, 6: v6 }, call };
    this.arriving.delete(key);
    this.pods.set(key, pod);
    await this.wire.openTap(key, netns, "eth0");
    return pod;
  }

  async unplug(key: string): Promise<void> {
    const pod = this.pod(key);
    this.pods.delete(key);
    await this.wire.closeTap(key);
    await callCni("DEL", pod.call);
    await this.fabric.removeNamespace(pod.netns);
  }

  put(...objects: readonly Manifest[]): void {
    for (const object of objects) this.#objects.set(identify(object), object);
  }

  remove(...objects: readonly Manifest[]): void {
    for (const object of objects) this.#objects.delete(identify(object));
  }

  /** All objects of a kind, as they were put. */
  of(kind: string): readonly Manifest[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }

  /** Tells the nodes of everything put and removed since the last time, at once. */
  async write(): Promise<void> {
    this.put(beaconPolicy(++this.#tick));
    const text = [...this.#objects.values()].map((object) => JSON.stringify(object)).join("\n---\n");
    const changes = parseManifest(text).objects.map(toChange);
    const keys = new Set(changes.map(({ kind, key }) => `${kind} ${key}`));
    const gone = [...this.#written]
      .filter((key) => !keys.has(key))
      .map((place) => {
        const [kind, key] = place.split(" ") as [(typeof changes)[number]["kind"], string];
        return { kind, key, object: undefined };
      });
    this.#written = keys;
    this.#store.apply({ source: "manifests", synced: true, changes: [...changes, ...gone] });
    const path = join(this.fabric.directory, "cluster.yaml");
    await writeFile(path, text);
    await rename(path, join(this.manifests, "cluster.yaml"));
  }

  /** Writes, and waits until it is in force: in the switch, and in the datapath's cache of its decisions. */
  async commit(nodes: Iterable<string> = this.nodes.keys()): Promise<void> {
    await this.write();
    await Promise.all([...nodes].map((node) => this.settle(node)));
  }

  async settle(node: string): Promise<void> {
    const port = new RegExp(`udp,tp_dst=${this.#tick} `);
    await until(async () => port.test(await this.ofctl(node, "dump-flows", "table=82")), 20_000);
    await this.appctl(node, "revalidator/purge");
  }

  /** Every flow of a node's bridge with its age in seconds: one that was written anew is young. */
  async flowAges(node: string): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.ofctl(node, "dump-flows")).split("\n").filter((line) => line.includes("actions="));
    const bare = (line: string) => line.replace(/(duration|n_packets|n_bytes|idle_age)=[^,]*, /g, "");
    return new Map(lines.map((line) => [bare(line), Number(/duration=([\d.]+)s/.exec(line)?.[1])]));
  }

  /** SIGKILL; resolves when it is gone. */
  async killSwitch(node: string): Promise<void> {
    const { ovsDirectory } = this.node(node).machine;
    const pid = Number(await readFile(`${ovsDirectory}/vswitchd.pid`, "utf8"));
    process.kill(pid, "SIGKILL");
    await until(async () => /\) Z /.test(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z ")));
  }

  async startSwitch(node: string): Promise<void> {
    const { ovsDirectory: d, netns } = this.node(node).machine;
    const env = ["RUNDIR", "LOGDIR", "DBDIR"].map((variable) => `OVS_${variable}=${d}`);
    const files = [`--pidfile=${d}/vswitchd.pid`, `--unixctl=${d}/vswitchd.ctl`, `--log-file=${d}/vswitchd.log`];
    const argv = ["ovs-vswitchd", `unix:${d}/db.sock`, ...files, "-vconsole:off", "--detach", "--no-chdir"];
    await exec("ip", ["netns", "exec", netns, "env", ...env, ...argv]);
  }

  async ofctl(node: string, command: string, ...argv: readonly string[]): Promise<string> {
    const socket = `unix:${this.node(node).machine.ovsDirectory}/br-weir.mgmt`;
    const { stdout } = await exec("ovs-ofctl", ["-O", "OpenFlow15", command, socket, ...argv], { maxBuffer: 64 << 20 });
    return stdout;
  }

  async appctl(node: string, ...argv: readonly string[]): Promise<string> {
    const target = `${this.node(node).machine.ovsDirectory}/vswitchd.ctl`;
    return (await exec("ovs-appctl", ["-t", target, ...argv], { maxBuffer: 64 << 20 })).stdout;
  }

  async close(): Promise<void> {
    await this.wire.close();
    await Promise.all([...this.nodes.values()].map(({ weir }) => weir.stop("SIGKILL")));
    await this.fabric.close();
  }
}

export interface PodWords {
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly protocol?: string }[];
  readonly phase?: string;
  readonly uid?: string;
}

/** The Pod object of a pod that is plugged, as the API has it once kubelet has written its status. */
export function podObject({ key, node, ips }: PluggedPod, words: PodWords = {}): Manifest {
  const { labels = {}, ports = [], phase = "Running", uid } = words;
  const [namespace = "", name = ""] = key.split("/");
  return {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { namespace, name, labels, ...(uid !== undefined && { uid }) },
    spec: { nodeName: node, containers: [{ name: "main", ports }] },
    status: { phase, podIPs: FAMILIES.map((family) => ({ ip: ips[family] })) },
  };
}

function beaconPolicy(port: number): Manifest {
  return {
    ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
    metadata: { name: "tick", namespace: "beacon" },
    spec: { podSelector: {}, ingress: [{ ports: [{ protocol: "UDP", port }] }] },
  };
}

function identify({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}

function isV4(address: string): boolean {
  return !address.includes(":");
}
