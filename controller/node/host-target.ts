import { type Observable, Subject } from "rxjs";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { HostState } from "#pipeline/host-state.ts";
import type { Host } from "./host/index.ts";

/** The host beside the switch, as a target of the pipeline: what fails is told, and tried again by itself. */
export class HostTarget {
  /** Something is due: a periodic comparison, or another attempt. */
  readonly compare$: Observable<void>;
  readonly #compare = new Subject<void>();
  readonly #backoff = createBackoff(50, 30_000);
  readonly #host: Host;
  readonly #log: Log;
  #failure: string | undefined = "it has not been written yet";
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #periodic: NodeJS.Timeout;

  constructor(host: Host, compareEvery: number, log: Log) {
    this.#host = host;
    this.#log = log;
    this.compare$ = this.#compare;
    this.#periodic = setInterval(() => this.#compare.next(), compareEvery);
  }

  /** Why the host is not as it should be; undefined when it is. */
  get fault(): string | undefined {
    return this.#failure;
  }

  /** How much was written; undefined when it failed. */
  async apply(state: HostState): Promise<number | undefined> {
    clearTimeout(this.#retry);
    try {
      const { changes } = await this.#host.apply(state);
      if (changes > 0) this.#log.info("wrote the host's network", { changes });
      this.#failure = undefined;
      this.#backoff.reset();
      return changes;
    } catch (error) {
      const why = describeError(error);
      if (why !== this.#failure) this.#log.warn("the host's network is not as it should be", { error: why });
      this.#failure = why;
      if (!this.#stopped) this.#retry = setTimeout(() => this.#compare.next(), this.#backoff.next());
      return undefined;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#periodic);
  }
}
