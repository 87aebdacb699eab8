import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Wait } from "#controller/status/latest-writer.ts";
import { readPath } from "#controller/watch/kinds.ts";
import { describeRefusal, isSuccess, type KubeRequest, type KubeResponse } from "#controller/watch/kube-request.ts";

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Another one at each start: a process that starts again is not who held the lease before it. */
  readonly identity: string;
  readonly request: KubeRequest;
  readonly log: Log;
  /** Ends the candidacy; a lease that is held is given back. */
  readonly signal: AbortSignal;
  /** Called with each state: whether the lease is held, and who holds it otherwise. */
  onChange?(standing: Standing): void;
  readonly timing?: Partial<LeaseTiming>;
  readonly wait?: Wait;
  readonly random?: () => number;
  /** Milliseconds that only rise: clocks of two machines are never compared. */
  readonly now?: () => number;
}

/** In milliseconds. */
export interface LeaseTiming {
  /** A holder who has not written for so long is gone. */
  readonly duration: number;
  /** A holder who could not write for so long stops, well before somebody else may begin. */
  readonly deadline: number;
  readonly renewEvery: number;
  readonly tryEvery: number;
}

export interface Standing {
  readonly isHeld: boolean;
  readonly holder: string | undefined;
  /** Why nobody knows. */
  readonly failure: string | undefined;
}

/** What one term is: it ends with the signal, and is over when the promise is. */
export type Term = (signal: AbortSignal) => Promise<void>;

const TIMING: LeaseTiming = { duration: 15_000, deadline: 10_000, renewEvery: 4_000, tryEvery: 2_000 };

/** The lease as somebody has written it, and when it was first seen so. */
interface Seen {
  readonly version: string;
  readonly holder: string;
  readonly duration: number;
  readonly transitions: number;
  readonly acquired: string | undefined;
  readonly at: number;
}

/**
 * Holds a lease of coordination.k8s.io whenever it can, and runs a term each time. Of all who do so with one lease one at most
 * is in a term: who cannot renew ends its term before the others count it as gone.
 */
export async function holdLease(options: LeaseOptions, term: Term): Promise<void> {
  const { signal, log, tryEvery, random, wait } = { ...complete(options) };
  const lease = new Lease(options);
  while (!signal.aborted) {
    if (await lease.tryToHold()) await lease.serve(term);
    else await wait(tryEvery * (1 + random() / 5), signal).catch(() => {});
  }
  log.debug("no candidate any more", { lease: options.name });
}

function complete(options: LeaseOptions) {
  return {
    ...{ ...TIMING, ...options.timing },
    random: options.random ?? Math.random,
    now: options.now ?? (() => performance.now()),
    wait: options.wait ?? ((milliseconds: number, signal: AbortSignal) => delay(milliseconds, undefined, { signal })),
    signal: options.signal,
    log: options.log,
  };
}

class Lease {
  readonly #options: LeaseOptions;
  readonly #settings: ReturnType<typeof complete>;
  readonly #path: string;
  #seen: Seen | undefined;
  #standing: Standing | undefined;
  #renewedAt = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#settings = complete(options);
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  async tryToHold(): Promise<boolean> {
    try {
      const isHeld = await this.#take();
      this.#tell({ isHeld, holder: this.#seen?.holder, failure: undefined });
      return isHeld;
    } catch (error) {
      this.#tell({ isHeld: false, holder: undefined, failure: describeError(error) });
      return false;
    }
  }

  /** Until the lease is lost, or the candidacy ends: then it is given back. */
  async serve(term: Term): Promise<void> {
    const { log, signal } = this.#settings;
    log.info("leads from now on", { lease: this.#options.name, identity: this.#options.identity });
    const ending = new AbortController();
    const running = term(ending.signal);
    // A term that breaks ends the renewing too, and is told to whoever waits for this.
    running.catch(() => ending.abort());
    await this.#renew(ending.signal);
    ending.abort();
    await running;
    if (signal.aborted) await this.#giveBack();
    this.#tell({ isHeld: false, holder: this.#seen?.holder, failure: undefined });
  }

  async #renew(broken: AbortSignal): Promise<void> {
    const { log, signal, wait, renewEvery, tryEvery, deadline, now } = this.#settings;
    const stopping = AbortSignal.any([signal, broken]);
    let pause = renewEvery;
    while (!stopping.aborted) {
      await wait(pause, stopping).catch(() => {});
      if (stopping.aborted) return;
      try {
        if (!(await this.#take())) return log.warn("leads no more: somebody else does", { holder: this.#seen?.holder });
        pause = renewEvery;
      } catch (error) {
        pause = tryEvery;
        if (now() - this.#renewedAt + tryEvery >= deadline)
          return log.warn("leads no more: the lease could not be renewed", { error: describeError(error) });
      }
    }
  }

  /** Reads the lease, and writes it when nobody else holds it. Throws when there is no telling. */
  async #take(): Promise<boolean> {
    const { request, name, identity } = this.#options;
    const started = this.#settings.now();
    const found = await request("GET", `${this.#path}/${name}`);
    if (found.status === 404) {
      const created = await request("POST", this.#path, this.#object(identity, undefined));
      return created.status === 409 ? false : this.#accept(created, started);
    }
    if (!isSuccess(found)) throw new Error(describeRefusal(found));
    const seen = this.#see(found.body);
    const isFree = seen.holder === "" || seen.holder === identity || this.#settings.now() - seen.at > seen.duration;
    if (!isFree) return false;
    const written = await request("PUT", `${this.#path}/${name}`, this.#object(identity, seen));
    // Somebody else was faster.
    return written.status === 409 ? false : this.#accept(written, started);
  }

  #accept(response: KubeResponse, started: number): boolean {
    if (!isSuccess(response)) throw new Error(describeRefusal(response));
    this.#see(response.body);
    // It may have been written as soon as it was asked for; others count from when they have seen it.
    this.#renewedAt = started;
    return true;
  }

  #see(body: unknown): Seen {
    const version = String(readPath(body, ["metadata", "resourceVersion"]));
    if (this.#seen?.version === version) return this.#seen;
    const spec = (field: string) => readPath(body, ["spec", field]);
    const acquired = spec("acquireTime");
    const seconds = Number(spec("leaseDurationSeconds"));
    this.#seen = {
      ...{ version, at: this.#settings.now() },
      holder: String(spec("holderIdentity") ?? ""),
      duration: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : this.#settings.duration,
      transitions: Number(spec("leaseTransitions") ?? 0),
      acquired: typeof acquired === "string" ? acquired : undefined,
    };
    return this.#seen;
  }

  #object(holder: string, before: Seen | undefined): object {
    const { name, namespace } = this.#options;
    const time = new Date().toISOString().replace("Z", "000Z");
    const isSame = before?.holder === holder;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace, ...(before && { resourceVersion: before.version }) },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: holder === "" ? 1 : Math.ceil(this.#settings.duration / 1000),
        acquireTime: isSame && before.acquired !== undefined ? before.acquired : time,
        renewTime: time,
        leaseTransitions: before === undefined ? 0 : before.transitions + (isSame ? 0 : 1),
      },
    };
  }

  /** The next one need not wait. Best effort: without it the lease runs out. */
  async #giveBack(): Promise<void> {
    if (this.#seen?.holder !== this.#options.identity) return;
    const { request, name, log } = this.#options;
    try {
      await request("PUT", `${this.#path}/${name}`, this.#object("", this.#seen));
    } catch (error) {
      log.debug("the lease was not given back", { error: describeError(error) });
    }
  }

  #tell(standing: Standing): void {
    const before = this.#standing;
    this.#standing = standing;
    if (standing.failure !== undefined && before?.failure === undefined)
      this.#options.log.warn("the lease cannot be read", { error: standing.failure });
    else if (
      !standing.isHeld &&
      standing.holder !== undefined &&
      standing.holder !== "" &&
      standing.holder !== before?.holder
    )
      this.#options.log.info("waits: another one leads", { holder: standing.holder });
    this.#options.onChange?.(standing);
  }
}
