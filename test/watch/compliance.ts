import assert from "node:assert/strict";
import type { Access } from "#controller/watch/access/access.ts";
import { type Observed, type ObserveOptions, observe } from "./observe.ts";
import { until } from "./until.ts";

/** An API server in a test's hand: a fake, or the real one. Pods are all that it needs to hold, in namespace default. */
export interface ApiUnderTest {
  readonly access: Access;
  /** Another user's way in, who may do nothing until `permit` is called. */
  stranger(): Promise<{ readonly access: Access; permit(): Promise<void> }>;
  put(name: string, nodeName: string, fields?: PodFields): Promise<void>;
  putMany(names: readonly string[], nodeName: string): Promise<void>;
  remove(name: string): Promise<void>;
  kill(): Promise<void>;
  /** After `kill`: the same objects are there. */
  restart(): Promise<void>;
  /** After `kill` and before `restart`: versions given out so far cannot be resumed from. */
  forget(): Promise<void>;
}

export interface PodFields {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** How a reflector and an API server get along, whichever server it is. */
export function describeReflector(title: string, api: () => ApiUnderTest, bound: number): void {
  describe(`a reflector and ${title}`, function () {
    this.timeout(3 * bound);
    let observed: Observed[] = [];
    let count = 0;
    let node: string;

    beforeEach(() => {
      node = `${title.toLowerCase().replaceAll(/\W+/g, "-")}-${++count}`;
    });
    afterEach(() => {
      for (const one of observed) one.stop();
      observed = [];
    });

    const start = (options: ObserveOptions = {}, access = api().access): Observed => {
      const one = observe(access, { nodeName: node, ...options });
      observed.push(one);
      return one;
    };
    const eventually = (condition: () => boolean) => until(condition, bound);
    const labelsOf = (object: unknown) => Reflect.get(Object(Reflect.get(Object(object), "metadata")), "labels");

    it("gives what is there as one complete batch, this node's only, and each change after it", async () => {
      await api().put("here", node);
      await api().put("elsewhere", `${node}-other`);
      const seen = start();
      await eventually(() => seen.batches.length > 0);
      assert.deepEqual(seen.last, ["+Pod default/here"]);
      assert.equal(seen.batches[0]?.synced, true);
      await eventually(() => seen.status?.connected === true);
      await api().put("later", node, { labels: { a: "b" } });
      await eventually(() => seen.objects.has("default/later"));
      assert.deepEqual(labelsOf(seen.objects.get("default/later")), { a: "b" });
      await api().remove("here");
      await eventually(() => !seen.objects.has("default/here"));
      assert.deepEqual(seen.warnings, []);
    });

    it("gives an empty batch of an empty cluster: nothing is something to know", async () => {
      const seen = start();
      await eventually(() => seen.batches.length > 0);
      assert.deepEqual([seen.batches[0]?.synced, seen.last], [true, []]);
    });

    it("says nothing of a change in what nobody reads", async () => {
      await api().put("quiet", node);
      const seen = start();
      await eventually(() => seen.batches.length > 0);
      await api().put("quiet", node, { annotations: { unread: "yes" } });
      await api().put("loud", node);
      await eventually(() => seen.objects.has("default/loud"));
      assert.equal(seen.batches.length, 2);
    });

    it("goes on by itself when the server was killed and comes back", async () => {
      await api().put("kept", node);
      const seen = start();
      await eventually(() => seen.objects.size === 1 && seen.status?.connected === true);
      await api().kill();
      await eventually(() => seen.status?.connected === false);
      assert.match(seen.status?.failure ?? "", /ECONNREFUSED|ECONNRESET|aborted|broke off|hang up/);
      await api().restart();
      await eventually(() => seen.status?.connected === true);
      await api().put("new", node);
      await eventually(() => seen.objects.has("default/new"));
      assert.deepEqual([...seen.objects.keys()].sort(), ["default/kept", "default/new"]);
      const isDeletion = ({ object }: { object: unknown }) => object === undefined;
      assert.ok(!seen.batches.some(({ changes }) => changes.some(isDeletion)), "nothing was taken away in between");
    });

    it("gives all that changed while it was away as one difference, though its version is gone (410)", async () => {
      for (const name of ["same", "changed", "removed"]) await api().put(name, node);
      const seen = start();
      await eventually(() => seen.objects.size === 3 && seen.status?.connected === true);
      seen.hold();
      await api().kill();
      await eventually(() => seen.pauses.length > 0);
      await api().restart();
      await api().put("changed", node, { labels: { a: "new" } });
      await api().remove("removed");
      await api().put("added", node);
      await api().kill();
      await api().forget();
      await api().restart();
      const before = seen.batches.length;
      seen.release();
      await eventually(() => seen.batches.length > before);
      assert.deepEqual([...seen.last].sort(), ["+Pod default/added", "+Pod default/changed", "-Pod default/removed"]);
      assert.equal(seen.batches.length, before + 1);
    });

    it("reads 2,000 objects, and after a 410 says what is different of them, page by page", async () => {
      const names = Array.from({ length: 2000 }, (_, i) => `p${String(i).padStart(4, "0")}`);
      await api().putMany(names, node);
      const asked: Readonly<Record<string, string>>[] = [];
      const seen = start({
        // A server that streams lists is told something that it must refuse.
        wrap: (client) => ({
          ...client,
          open(path, query, signal) {
            asked.push(query);
            return client.open(
              path,
              "sendInitialEvents" in query ? { ...query, resourceVersionMatch: "Exact" } : query,
              signal,
            );
          },
        }),
      });
      await eventually(() => seen.objects.size === 2000 && seen.status?.connected === true);
      assert.equal(seen.batches.length, 1);
      seen.hold();
      await api().kill();
      await eventually(() => seen.pauses.length > 0);
      await api().restart();
      await api().remove("p0042");
      await api().kill();
      await api().forget();
      await api().restart();
      asked.length = 0;
      seen.release();
      await eventually(() => seen.batches.length > 1);
      assert.deepEqual(seen.last, ["-Pod default/p0042"]);
      const pages = asked.filter((query) => query["limit"] === "500");
      assert.deepEqual(
        pages.map((query) => "continue" in query),
        [false, true, true, true],
      );
    });

    it("tells a refusal clearly, and is let in as soon as it may", async () => {
      await api().put("secret", node);
      const stranger = await api().stranger();
      const seen = start({}, stranger.access);
      await eventually(() => seen.pauses.length > 2);
      assert.match(seen.status?.failure ?? "", /^403 .*ClusterRoles in deploy\/weir\.yaml/);
      assert.equal(seen.warnings.length, 1, "the same refusal is told once");
      assert.deepEqual(seen.batches, []);
      await stranger.permit();
      await eventually(() => seen.batches.length > 0);
      assert.deepEqual(seen.last, ["+Pod default/secret"]);
    });
  });
}
