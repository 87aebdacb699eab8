/**
 * Runs in the fabric's outside namespace, where the nodes reach it: an etcd and a kube-apiserver, to which it applies the objects
 * that come in on stdin, a JSON line each request, and answers with the pods' uids.
 */
import { createInterface } from "node:readline";
import { isEqual } from "#base/equal.ts";
import { describeError } from "#base/errors.ts";
import { isRecord } from "#pipeline/ingest/reader.ts";
import { type Kube, startKube } from "#test/rig/kube.ts";
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
  try {
    await serve(process.argv[2] ?? "127.0.0.1");
  } catch (error) {
    reply({ error: describeError(error) });
    process.exitCode = 1;
  }
}

async function serve(address: string): Promise<void> {
  const kube = await startKube({ address });
  reply({ kubeconfig: kube.kubeconfig, server: kube.server });
  for await (const line of createInterface({ input: process.stdin })) {
    const { apply, remove }: KubeRequest = JSON.parse(line);
    try {
      await kube.remove(remove);
      const uids: Record<string, string> = {};
      for (const object of apply) {
        const uid = await put(kube, object);
        if (object.kind === "Pod") uids[`${object.metadata.namespace ?? "default"}/${object.metadata.name}`] = uid;
      }
      reply({ uids });
    } catch (error) {
      reply({ error: describeError(error) });
    }
  }
  await kube.stop();
}

/**
 * Server-side apply, then the status as its owner would write it: a whole one. (Applying the status of a node with two
 * InternalIPs is refused: the API's schema says that addresses are keyed by their type.)
 */
async function put(kube: Kube, { status, ...object }: KubeObject & { status?: unknown }): Promise<string> {
  await kube.apply([object]);
  const path = await kube.pathOf(object);
  const stored = (await kube.request("GET", path)).body;
  if (!isRecord(stored) || !isRecord(stored["metadata"])) throw new Error(`${path} is not there after it was applied`);
  if (status !== undefined && !holds(stored["status"], status)) {
    const answer = await kube.request("PUT", `${path}/status`, {
      ...stored,
      status: { ...(isRecord(stored["status"]) && stored["status"]), ...(isRecord(status) && status) },
    });
    if (answer.status >= 300) throw new Error(`${path}/status: ${JSON.stringify(answer.body)}`);
  }
  return String(stored["metadata"]["uid"]);
}

/** Whether every field of `part` is in `whole` already: what others wrote beside it stays. */
function holds(whole: unknown, part: unknown): boolean {
  if (!isRecord(part)) return isEqual(whole, part);
  return isRecord(whole) && Object.entries(part).every(([key, value]) => holds(whole[key], value));
}

function reply(value: KubeReply): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
