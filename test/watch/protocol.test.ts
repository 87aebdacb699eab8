import assert from "node:assert/strict";
import fc from "fast-check";
import { isEqual } from "#base/equal.ts";
import { type Failure, refusalOf } from "#controller/watch/failure.ts";
import { createReflection, type Reflection } from "#controller/watch/protocol.ts";
import type { RawChange } from "#pipeline/source.ts";
import { POD } from "./observe.ts";

type Objects = ReadonlyMap<string, unknown>;

/** What happens in the cluster. */
type Deed =
  | { readonly type: "put"; readonly name: number; readonly value: number }
  | { readonly type: "remove"; readonly name: number }
  | { readonly type: "compact" };

/** How one exchange goes: what happens while it is open, and how it ends. */
interface Turn {
  readonly before: readonly Deed[];
  /** Deeds while a watch is open, or between the pages of a list. */
  readonly during: readonly Deed[];
  /** So many of the events that a watch has for us come, then it ends so; a list is given or fails. */
  readonly delivered: number;
  readonly end: "good" | "lost" | "silent" | "garbage" | "expired" | "busy" | "invalid";
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("put"), name: fc.nat(5), value: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("remove"), name: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("compact") }) },
);
const turn: fc.Arbitrary<Turn> = fc.record({
  before: fc.array(deed, { maxLength: 4 }),
  during: fc.array(deed, { maxLength: 4 }),
  delivered: fc.nat(8),
  end: fc.constantFrom("good", "lost", "silent", "garbage", "expired", "busy", "invalid"),
});

const FAILURES: Readonly<Record<Exclude<Turn["end"], "good">, Failure>> = {
  lost: { type: "lost", message: "" },
  silent: { type: "silent", message: "" },
  garbage: { type: "garbage", message: "" },
  expired: refusalOf(410, { reason: "Expired" }),
  busy: refusalOf(429, {}, "1"),
  invalid: refusalOf(422, { reason: "Invalid" }),
};

/** An API server without wires: a history of versions, of which the oldest are forgotten. */
class Cluster {
  readonly objects = new Map<string, { readonly metadata: Readonly<Record<string, unknown>> }>();
  version = 1;
  #oldest = 0;
  #events: { readonly version: number; readonly type: string; readonly object: unknown }[] = [];
  #pages: unknown[] = [];
  #pagesVersion = 0;

  do(deed: Deed): void {
    if (deed.type === "compact") {
      this.#oldest = this.version;
      this.#pages = [];
      return;
    }
    const name = `p${deed.name}`;
    const key = `default/${name}`;
    const before = this.objects.get(key);
    if (deed.type === "remove" && before === undefined) return;
    this.version++;
    const value = deed.type === "put" ? deed.value : undefined;
    const metadata = { ...before?.metadata, name, namespace: "default", resourceVersion: String(this.version) };
    const object = { metadata: value === undefined ? metadata : { ...metadata, labels: { value: String(value) } } };
    const type = deed.type === "remove" ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED";
    this.#events.push({ version: this.version, type, object });
    if (deed.type === "remove") this.objects.delete(key);
    else this.objects.set(key, object);
  }

  /** Undefined: expired. */
  eventsAfter(version: number): readonly unknown[] | undefined {
    if (version < this.#oldest) return undefined;
    return this.#events.filter((event) => event.version > version).map(({ type, object }) => ({ type, object }));
  }

  stream(): readonly unknown[] {
    const end = { resourceVersion: String(this.version), annotations: { "k8s.io/initial-events-end": "true" } };
    const objects = [...this.objects.values()].map((object) => ({ type: "ADDED", object }));
    return [...objects, { type: "BOOKMARK", object: { metadata: end } }];
  }

  /** Two objects a page. */
  page(isFirst: boolean): unknown {
    if (isFirst) {
      this.#pages = [...this.objects.values()];
      this.#pagesVersion = this.version;
    } else if (this.#pages.length === 0) return undefined;
    const items = this.#pages.splice(0, 2);
    const metadata = { resourceVersion: String(this.#pagesVersion), continue: this.#pages.length > 0 ? "more" : "" };
    return { metadata, items };
  }

  all(): unknown {
    return { metadata: { resourceVersion: String(this.version) }, items: [...this.objects.values()] };
  }
}

/** A reflection and all that it gave out. */
function follow(cluster: Cluster) {
  const reflection = createReflection(POD, "n1", () => 0);
  const given = new Map<string, unknown>();
  const take = (changes: readonly RawChange[] | undefined): void => {
    for (const { key, object } of changes ?? []) {
      assert.ok(!isEqual(given.get(key), object), `${key} was given out twice`);
      if (object === undefined) given.delete(key);
      else given.set(key, object);
    }
  };
  const exchange = (turn: Turn): void => {
    for (const deed of turn.before) cluster.do(deed);
    const { mode, query } = reflection.next();
    if (mode === "list") list(reflection, cluster, query, turn, take);
    else watch(reflection, cluster, query, turn, take);
  };
  return { reflection, given, exchange };
}

type Take = (changes: readonly RawChange[] | undefined) => void;

function list(
  reflection: Reflection,
  cluster: Cluster,
  query: Readonly<Record<string, string>>,
  turn: Turn,
  take: Take,
) {
  if (turn.end !== "good") return void reflection.fail(FAILURES[turn.end]);
  const page = "limit" in query ? cluster.page(!("continue" in query)) : cluster.all();
  for (const deed of turn.during) cluster.do(deed);
  if (page === undefined) reflection.fail(FAILURES.expired);
  else take(reflection.receivePage(page));
}

function watch(
  reflection: Reflection,
  cluster: Cluster,
  query: Readonly<Record<string, string>>,
  turn: Turn,
  take: Take,
) {
  const from = Number(query["resourceVersion"]);
  const streams = "sendInitialEvents" in query;
  const first = streams ? cluster.stream() : cluster.eventsAfter(from);
  const since = streams ? cluster.version : from;
  if (first === undefined) return void reflection.fail(FAILURES.expired);
  if (turn.end === "invalid") return void reflection.fail(FAILURES.invalid);
  const seen = streams ? 0 : first.length;
  for (const deed of turn.during) if (deed.type !== "compact") cluster.do(deed);
  const later = (cluster.eventsAfter(since) ?? []).slice(seen);
  const events = [...first, ...later].slice(0, turn.end === "good" ? undefined : turn.delivered);
  const half = events.length >> 1;
  for (const part of [events.slice(0, half), events.slice(half)]) {
    const { changes, failure } = reflection.receiveEvents(part);
    assert.equal(failure, undefined);
    take(changes);
  }
  if (turn.end === "good") reflection.end();
  else reflection.fail(FAILURES[turn.end]);
}

const GOOD: Turn = { before: [], during: [], delivered: 0, end: "good" };

function pruned(objects: Objects): Objects {
  return new Map([...objects].map(([key, object]) => [key, POD.prune(object)]));
}

describe("the reflector's law", () => {
  it("whatever goes wrong on the way, what was given out becomes what is there, and nothing is told twice", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 25 }), (turns) => {
        const cluster = new Cluster();
        const { reflection, given, exchange } = follow(cluster);
        for (const one of turns) exchange(one);
        // From some point on all goes well: after a few exchanges the difference is gone.
        for (let i = 0; i < 8; i++) exchange(GOOD);
        assert.ok(reflection.isSynced);
        assert.deepEqual(new Map([...given].sort()), new Map([...pruned(cluster.objects)].sort()));
        assert.deepEqual(new Map([...reflection.objects].sort()), new Map([...given].sort()));
      }),
      { numRuns: 2000 },
    );
  });

  it("a list that is not complete changes nothing", () => {
    const { reflection } = follow(new Cluster());
    const metadata = { name: "a", namespace: "default", resourceVersion: "5" };
    assert.equal(reflection.receiveEvents([{ type: "ADDED", object: { metadata } }]).changes, undefined);
    assert.deepEqual([reflection.isSynced, reflection.objects.size], [false, 0]);
  });

  it("events that came together are one set of changes, the last of each object", () => {
    const { reflection } = follow(new Cluster());
    reflection.receiveEvents([
      {
        type: "BOOKMARK",
        object: { metadata: { resourceVersion: "1", annotations: { "k8s.io/initial-events-end": "true" } } },
      },
    ]);
    const event = (type: string, version: string, labels: object) => ({
      type,
      object: { metadata: { name: "a", resourceVersion: version, labels } },
    });
    const { changes } = reflection.receiveEvents([event("ADDED", "2", { a: "1" }), event("MODIFIED", "3", { a: "2" })]);
    assert.deepEqual(changes, [{ kind: "Pod", key: "a", object: { metadata: { name: "a", labels: { a: "2" } } } }]);
  });

  it("what came before a bad event counts, and names the event", () => {
    const { reflection } = follow(new Cluster());
    const good = {
      type: "BOOKMARK",
      object: { metadata: { resourceVersion: "1", annotations: { "k8s.io/initial-events-end": "true" } } },
    };
    const { changes, failure } = reflection.receiveEvents([
      good,
      { type: "RENAMED", object: { metadata: { name: "a", resourceVersion: "2" } } },
    ]);
    assert.deepEqual(changes, []);
    assert.deepEqual(failure, { type: "garbage", message: `a watch event of type "RENAMED"` });
    assert.equal(reflection.next().query["resourceVersion"], "1");
  });
});
