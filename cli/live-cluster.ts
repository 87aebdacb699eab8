import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describeError } from "#base/errors.ts";
import type { Access } from "#controller/watch/access/access.ts";
import { inClusterAccess } from "#controller/watch/access/in-cluster.ts";
import { kubeconfigAccess } from "#controller/watch/access/kubeconfig.ts";
import { FailureSignal } from "#controller/watch/failure.ts";
import { keyOf, WATCHED_KINDS, type WatchedKind } from "#controller/watch/kinds.ts";
import { createKubeClient } from "#controller/watch/kube-client.ts";
import { listAll } from "#controller/watch/list.ts";
import type { Kind, RawChange } from "#pipeline/source.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { CliError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** The API server, with the caller's own rights. */
export interface LiveCluster {
  readonly server: string;
  /** Undefined when the API server does not know the kind. Whatever else it does not give ends the command. */
  list(kind: Pick<WatchedKind, "apiVersion" | "plural">): Promise<readonly unknown[] | undefined>;
}

/** Without these there is no answer; without the others there is one that is said to be without them. */
const NEEDED: ReadonlySet<Kind> = new Set(["Pod", "Namespace", "NetworkPolicy", "ClusterNetworkPolicy"]);

export async function openLiveCluster(source: ClusterSource, env: Io["env"]): Promise<LiveCluster> {
  const access = await findAccess(source, env);
  const { request, server } = createKubeClient(access, { userAgent: "weirctl" });
  return {
    server,
    async list(kind) {
      try {
        return await listAll(request, kind);
      } catch (error) {
        if (error instanceof FailureSignal)
          throw new CliError(EXIT.wrong, `${server} does not list ${kind.plural}: ${error.message}`);
        throw new CliError(EXIT.unreachable, `no answer from ${server}: ${describeError(error)}`);
      }
    },
  };
}

/** As kubectl looks for it: the file named, then $KUBECONFIG, then ~/.kube/config, then the pod's own service account. */
async function findAccess({ kubeconfig, context }: ClusterSource, env: Io["env"]): Promise<Access> {
  const named = kubeconfig ?? env["KUBECONFIG"]?.split(":").find((one) => one !== "");
  if (named !== undefined) return kubeconfigAccess(named, context);
  const usual = join(env["HOME"] ?? homedir(), ".kube", "config");
  if (existsSync(usual)) return kubeconfigAccess(usual, context);
  const inCluster = context === undefined ? inClusterAccess({ ...env }) : undefined;
  if (inCluster !== undefined) return inCluster;
  throw new CliError(EXIT.usage, `no way to a cluster: --kubeconfig, $KUBECONFIG and ${usual} name none`);
}

/** Everything that decides who may talk to whom, as the caller may see it. */
export async function readLiveObjects(source: ClusterSource, { env, say }: Io): Promise<readonly RawChange[]> {
  const { list } = await openLiveCluster(source, env);
  const lists = await Promise.all(
    WATCHED_KINDS.map(async (kind) => {
      const objects = await list(kind).catch((error: unknown) => {
        if (NEEDED.has(kind.kind) || !(error instanceof CliError) || error.exitCode !== EXIT.wrong) throw error;
        say(`${kind.plural} are left out: ${error.message}`);
        return [];
      });
      return (objects ?? []).flatMap((object): readonly RawChange[] => {
        const key = keyOf(object);
        return key === undefined ? [] : [{ kind: kind.kind, key, object: kind.prune(object) }];
      });
    }),
  );
  return lists.flat();
}
