import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "#base/log.ts";
import type { Health } from "#controller/process/health.ts";
import { startHealthServer } from "#controller/process/health-server.ts";
import type { Wait } from "#controller/status/latest-writer.ts";
import { findAccess } from "#controller/watch/access/find.ts";
import { createKubeClient } from "#controller/watch/kube-client.ts";
import type { ClusterConfig } from "./config.ts";
import type { Duty, RunningDuty } from "./duty.ts";
import { holdLease, type LeaseTiming, type Standing } from "./lease.ts";
import { createClusterMetrics } from "./metrics.ts";
import { type Watching, watchFor } from "./watching.ts";

export interface ClusterOptions {
  readonly config: ClusterConfig;
  readonly duties: readonly Duty[];
  readonly version: string;
  readonly log: Log;
  /** Something that must not happen has: the process should end. */
  fail(reason: unknown): void;
  /** For tests. */
  readonly timing?: Partial<LeaseTiming>;
}

export interface RunningCluster {
  /** Where health and metrics are served. */
  readonly address: string;
  /** Ends the term, and gives the lease back. */
  stop(): Promise<void>;
}

/** What a lease's request may take: one that hangs must not outlast the term. */
const LEASE_DEADLINE = 5_000;
const USER_AGENT = { userAgent: "weir-cluster" };

/** A candidate for the lease; while it holds it, all duties are done. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { config, duties, version, log, fail, timing } = options;
  const ending = new AbortController();
  const access = await findAccess(config.source.kubernetes.kubeconfig);
  const client = createKubeClient(access, USER_AGENT);
  let standing: Standing | undefined;
  let term: RunningTerm | undefined;
  const metrics = createClusterMetrics(version, () => term !== undefined);
  const { namespace, name } = config.lease;
  const holding = holdLease(
    {
      ...{ namespace, name, identity: `${config.instance}_${randomUUID()}`, log, signal: ending.signal },
      ...(timing && { timing }),
      request: createKubeClient(access, { ...USER_AGENT, answerDeadline: LEASE_DEADLINE }).request,
      onChange(next) {
        standing = next;
      },
    },
    async (signal) => {
      term = startTerm(duties, { client, instance: config.instance, log, signal, fail });
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      term = undefined;
    },
  );
  holding.catch(fail);
  const server = await startHealthServer({
    address: config.http.address,
    health: healthOf(
      () => standing,
      () => term,
    ),
    ...{ metrics, log },
  });
  return {
    address: server.address,
    async stop() {
      ending.abort();
      await holding;
      await server.close();
    },
  };
}

interface RunningTerm {
  readonly watching: Watching;
  readonly duties: readonly (readonly [Duty, RunningDuty])[];
}

interface TermOptions extends Omit<Parameters<typeof watchFor>[1], never> {
  readonly instance: string;
}

const now = (): number => performance.now();
const wait: Wait = (milliseconds, signal) => delay(milliseconds, undefined, { signal, ref: false });

function startTerm(duties: readonly Duty[], options: TermOptions): RunningTerm {
  const { client, instance, log, signal } = options;
  const running = duties.map(
    (duty) => [duty, duty.start({ request: client.request, instance, log, signal, now, wait })] as const,
  );
  return { duties: running, watching: watchFor(running, options) };
}

/** Liveness asks nothing of anybody. Ready is who waits for its turn, and who does the duties with all that they need. */
function healthOf(standing: () => Standing | undefined, term: () => RunningTerm | undefined): Health {
  return {
    live: [],
    ready: [
      {
        name: "lease",
        check() {
          const now = standing();
          return now === undefined ? "the lease has not been read yet" : now.failure;
        },
      },
      { name: "watch", check: () => term()?.watching.incomplete() },
      {
        name: "duties",
        check: () =>
          term()
            ?.duties.map(([{ name }, running]) => [name, running.fault?.()] as const)
            .filter(([, fault]) => fault !== undefined)
            .map(([name, fault]) => `${name}: ${fault}`)
            .at(0),
      },
    ],
  };
}
