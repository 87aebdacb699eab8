import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";
import { type ControlPlane, nameOf, slicesOf, statusOf } from "./control-plane.ts";
import { readObjects } from "./folder.ts";
import type { KubeReply, KubeRequest } from "./kube-server.ts";

export interface DemoKube {
  readonly kubeconfig: string;
  readonly server: string;
  /** Makes the API server hold what the folder holds. */
  follow(directory: string): ControlPlane;
  stop(): Promise<void>;
}

/** What others refer to comes first. */
const ORDER = ["Namespace", "Node", "ServiceCIDR"];

export async function startDemoKube(netns: string, address: string): Promise<DemoKube> {
  const program = join(import.meta.dirname, "kube-server.ts");
  const child = spawn("ip", ["netns", "exec", netns, process.execPath, program, address], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  child.stdin.on("error", () => {});
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<KubeReply> => {
    const { value, done } = await replies.next();
    const reply: KubeReply = done === true ? { error: "kube-apiserver's keeper ended" } : JSON.parse(value);
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  };
  const { kubeconfig = "", server = "" } = await next();
  let applied = new Map<string, KubeObject>();
  return {
    kubeconfig,
    server,
    follow: (directory) => ({
      async publish(addresses) {
        const objects = inOrder(readObjects(directory));
        const known = objects.map((object) => {
          const own = object.kind === "Pod" ? addresses.get(nameOf(object)) : undefined;
          return own === undefined || "status" in object ? object : { ...object, status: statusOf(own) };
        });
        const wanted = new Map([...known, ...slicesOf(objects, addresses)].map((object) => [identify(object), object]));
        const gone = [...applied].filter(([key]) => !wanted.has(key)).map(([, object]) => object);
        const request: KubeRequest = { apply: [...wanted.values()], remove: gone };
        child.stdin.write(`${JSON.stringify(request)}\n`);
        const { uids = {} } = await next();
        applied = wanted;
        return new Map(Object.entries(uids));
      },
    }),
    async stop() {
      child.stdin.end();
      await new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve(undefined)));
    },
  };
}

function inOrder(objects: readonly KubeObject[]): KubeObject[] {
  const rank = ({ kind }: KubeObject) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
  return objects.toSorted((a, b) => rank(a) - rank(b));
}

function identify({ apiVersion, kind, metadata }: KubeObject): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ""} ${metadata.name}`;
}
