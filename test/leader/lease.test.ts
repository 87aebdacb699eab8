import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLog } from "#base/log.ts";
import { holdLease } from "#controller/cluster/lease.ts";
import { readPath } from "#controller/watch/kinds.ts";
import type { KubeRequest, KubeResponse } from "#controller/watch/kube-request.ts";
import { settle } from "../status/fake-server.ts";

/** Time that jumps to what is waited for next. */
class Clock {
  now = 0;
  readonly #waiting = new Set<{ readonly at: number; done(): void }>();

  wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { at: this.now + Math.max(0, milliseconds), done: resolve };
      this.#waiting.add(timer);
      const stop = () => {
        this.#waiting.delete(timer);
        reject(signal?.reason);
      };
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  async runUntil(end: number): Promise<void> {
    while (true) {
      await settle();
      const next = [...this.#waiting].toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#waiting.delete(next);
      this.now = next.at;
      next.done();
    }
    this.now = end;
  }
}

/** How one request goes: when it comes to the server, when the answer comes back, and whether any does. */
interface Journey {
  readonly there: number;
  readonly back: number;
  readonly isLost: boolean;
}

/** The API server with one lease, which refuses what was written from an old version. */
class LeaseServer {
  object: object | undefined;
  #version = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  answer(method: string, body: unknown): KubeResponse {
    if (method === "GET")
      return this.object === undefined
        ? { status: 404, body: {} }
        : { status: 200, body: structuredClone(this.object) };
    const isOld =
      method === "POST"
        ? this.object !== undefined
        : readPath(body, ["metadata", "resourceVersion"]) !== readPath(this.object, ["metadata", "resourceVersion"]);
    if (isOld) return { status: 409, body: {} };
    const metadata = { ...Object(readPath(body, ["metadata"])), resourceVersion: String(++this.#version) };
    this.object = { ...Object(structuredClone(body)), metadata };
    return { status: method === "POST" ? 201 : 200, body: structuredClone(this.object) };
  }

  /** A client gives up after the deadline; what it sent may arrive all the same, and late. */
  through(journey: () => Journey, deadline = 5_000): KubeRequest {
    return async (method, _path, body) => {
      const { there, back, isLost } = journey();
      const arrival = this.#clock.wait(there).then(() => this.answer(method, body));
      const answer = arrival.then(async (response) => {
        await this.#clock.wait(isLost ? deadline * 10 : back);
        return response;
      });
      const late = this.#clock.wait(deadline).then(() => undefined);
      const first = await Promise.race([answer, late]);
      if (first === undefined) throw new Error("no answer");
      return first;
    };
  }
}

const AT_ONCE: Journey = { there: 1, back: 1, isLost: false };

interface Candidate {
  readonly terms: [from: number, to: number][];
  leave(): Promise<void>;
}

function candidate(clock: Clock, server: LeaseServer, identity: string, journey: () => Journey): Candidate {
  const ending = new AbortController();
  const terms: [number, number][] = [];
  const holding = holdLease(
    {
      ...{ namespace: "kube-system", name: "test", identity, log: silentLog, signal: ending.signal },
      request: server.through(journey),
      wait: (milliseconds, signal) => clock.wait(milliseconds, signal),
      now: () => clock.now,
      random: () => 0.5,
    },
    async (signal) => {
      const term: [number, number] = [clock.now, Number.POSITIVE_INFINITY];
      terms.push(term);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      term[1] = clock.now;
    },
  );
  return {
    terms,
    async leave() {
      ending.abort();
      await Promise.all([holding, clock.runUntil(clock.now + 20_000)]);
    },
  };
}

describe("The lease", () => {
  it("is held by the first, and by another one soon after that one is gone without a word", async () => {
    const clock = new Clock();
    const server = new LeaseServer(clock);
    let isCut = false;
    const one = candidate(clock, server, "one", () => ({ ...AT_ONCE, isLost: isCut, there: isCut ? 1e9 : 1 }));
    await clock.runUntil(1_000);
    const two = candidate(clock, server, "two", () => AT_ONCE);
    await clock.runUntil(60_000);
    assert.deepEqual([one.terms.length, two.terms.length], [1, 0]);
    isCut = true;
    await clock.runUntil(90_000);
    assert.equal(two.terms.length, 1);
    assert.ok(one.terms[0]![1] < two.terms[0]![0], "the first ends its term before the second begins");
    assert.ok(two.terms[0]![0] < 60_000 + 22_000);
  });

  it("is given back by who leaves, so that the next need not wait until it runs out", async () => {
    const clock = new Clock();
    const server = new LeaseServer(clock);
    const one = candidate(clock, server, "one", () => AT_ONCE);
    await clock.runUntil(1_000);
    const two = candidate(clock, server, "two", () => AT_ONCE);
    await clock.runUntil(30_000);
    const left = clock.now;
    await one.leave();
    assert.ok(two.terms[0]![0] < left + 3_000);
    assert.deepEqual(readPath(server.object, ["spec", "leaseTransitions"]), 2);
  });

  it("is never held by two at once, whatever becomes of what they send, and by somebody when all goes well again", async () => {
    const journey = fc.record({
      there: fc.oneof(fc.constant(1), fc.nat(9_000)),
      back: fc.oneof(fc.constant(1), fc.nat(9_000)),
      isLost: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    });
    let changes = 0;
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(journey), async (journeys) => {
        const clock = new Clock();
        const server = new LeaseServer(clock);
        const next = () => (clock.now < 200_000 ? journeys.next().value! : AT_ONCE);
        const all = ["one", "two", "three"].map((name) => candidate(clock, server, name, next));
        await clock.runUntil(260_000);
        const terms = all.flatMap((one) => one.terms).toSorted(([a], [b]) => a - b);
        for (const [i, [from]] of terms.entries())
          assert.ok(i === 0 || terms[i - 1]![1] <= from, JSON.stringify(terms));
        assert.equal(terms.at(-1)?.[1], Number.POSITIVE_INFINITY);
        changes += terms.length - 1;
      }),
      { numRuns: 60 },
    );
    assert.ok(changes > 20, `only ${changes} changes of who leads`);
  });
});
