/**
 * Runs in the fabric's outside namespace, where the nodes reach it: an etcd and a kube-apiserver, to which it applies the objects
 * that come in on stdin, a JSON line each request, and answers with the pods' uids.
 */
import { createInterface } from "node:readline";
import { describeError } from "#base/errors.ts";
import { startKube } from "#test/rig/kube.ts";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";

export interface KubeRequest {
  readonly apply: readonly KubeObject[];
  readonly remove: readonly KubeObject[];
}

export interface KubeReply {
  readonly kubeconfig?: string;
  readonly server?: string;
  readonly uids?: Readonly<Record<string, string>>;
  readonly error?: string;
}

if (import.meta.main) {
  const reply = (value: KubeReply) => process.stdout.write(`${JSON.stringify(value)}\n`);
  try {
    const kube = await startKube({ address: process.argv[2] ?? "127.0.0.1" });
    reply({ kubeconfig: kube.kubeconfig, server: kube.server });
    for await (const line of createInterface({ input: process.stdin })) {
      const { apply, remove }: KubeRequest = JSON.parse(line);
      try {
        await kube.remove(remove);
        await kube.apply(apply);
        const uids: Record<string, string> = {};
        for (const pod of apply.filter(({ kind }) => kind === "Pod"))
          uids[`${pod.metadata.namespace ?? "default"}/${pod.metadata.name}`] = readUid(
            (await kube.request("GET", await kube.pathOf(pod))).body,
          );
        reply({ uids });
      } catch (error) {
        reply({ error: describeError(error) });
      }
    }
    await kube.stop();
  } catch (error) {
    reply({ error: describeError(error) });
    process.exitCode = 1;
  }
}

function readUid(body: unknown): string {
  return /"uid":"([^"]+)"/.exec(JSON.stringify(body))?.[1] ?? "";
}
