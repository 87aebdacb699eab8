import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { createFabric, type Fabric } from "../../demo/fabric.ts";
import { Lab } from "../../demo/lab.ts";
import { readIntent } from "../../demo/manifests.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";

export interface ClusterPlan {
  /** Of namespaces and folders: "weir-t-NAME". */
  readonly name: string;
  readonly families: readonly (4 | 6)[];
  /** Of the nodes' own addresses; the pods' unless it is given. */
  readonly underlay?: readonly (4 | 6)[];
  readonly traffic?: Readonly<Record<string, unknown>>;
  readonly podsPerNode?: number;
}

/** Two nodes with Weir and pods on a fabric of their own, from manifests that a test may rewrite. */
export interface Cluster {
  readonly fabric: Fabric;
  readonly lab: Lab;
  /** The folder that the nodes watch. */
  readonly manifests: string;
  /** Writes one manifest file anew; the nodes see it by themselves. */
  write(file: string, objects: readonly object[]): Promise<void>;
  /** Ends a node's process; the node's switch and pods stay. */
  stop(node: string, signal: NodeJS.Signals): Promise<void>;
  /** Starts a node's process again over what the last one left. */
  restart(node: string): Promise<WeirNode>;
  close(): Promise<void>;
}

const NODES = ["n1", "n2"];

export async function startCluster(plan: ClusterPlan): Promise<Cluster> {
  const { families, underlay = families, traffic = {}, podsPerNode = 3 } = plan;
  const fabric = await createFabric(`weir-t-${plan.name}`);
  const manifests = await mkdtemp(join(tmpdir(), `weir-t-${plan.name}-`));
  const write = (file: string, objects: readonly object[]) =>
    writeFile(join(manifests, file), objects.map((object) => stringify(object)).join("---\n"));
  await mkdir(manifests, { recursive: true });
  await write(
    "nodes.yaml",
    NODES.map((name, i) => nodeManifest(name, i + 1, families, underlay)),
  );
  await write(
    "pods.yaml",
    NODES.flatMap((node) => Array.from({ length: podsPerNode }, (_, i) => podManifest(`${node}-pod${i + 1}`, node))),
  );
  const source = { manifests };
  const narrator = { colour: false, say() {}, print() {}, step: <T>(_text: unknown, work: () => Promise<T>) => work() };
  const lab = new Lab({ fabric, narrator, source, traffic, uidOf: () => "" });
  const close = async (): Promise<void> => {
    await lab.close();
    await fabric.close();
    await rm(manifests, { recursive: true, force: true });
  };
  try {
    await lab.apply(await readIntent(manifests));
  } catch (error) {
    await close();
    throw error;
  }
  const running = new Map([...lab.nodes].map(([name, { weir }]) => [name, weir]));
  return {
    ...{ fabric, lab, manifests, write, close },
    async stop(name, signal) {
      await running.get(name)?.stop(signal);
    },
    async restart(name) {
      const { netns, directory, ovsDirectory } = lab.nodes.get(name)!.fabricNode;
      const node = await startWeirNode({ name, netns, directory, ovsDirectory, source, traffic });
      running.set(name, node);
      await node.whenReady(20_000);
      return node;
    },
  };
}

export function nodeManifest(
  name: string,
  number: number,
  families: readonly (4 | 6)[],
  underlay: readonly (4 | 6)[],
): object {
  const cidrs = families.map((family) => (family === 4 ? `10.10.${number}.0/24` : `fd10:10:${number}::/64`));
  const addresses = underlay.map((family) => (family === 4 ? `172.18.0.${number}` : `fd18::${number}`));
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: { podCIDR: cidrs[0], podCIDRs: cidrs },
    status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
  };
}

export function podManifest(name: string, nodeName: string): object {
  const spec = { nodeName, containers: [{ name: "main", image: "none" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default" }, spec };
}
