import assert from "node:assert/strict";
import type { WatchedKind } from "#controller/watch/kinds.ts";
import { type ApiUnderTest, describeReflector, type PodFields } from "./compliance.ts";
import { asUsual, FakeApiServer, type FakeObject, line, sendJson, sendStatus, sendText } from "./fake-api-server.ts";
import { type Observed, type ObserveOptions, observe, POD } from "./observe.ts";
import { until } from "./until.ts";

const pod = (name: string, nodeName = "n1", fields: PodFields = {}): FakeObject => ({
  metadata: { name, namespace: "default", ...fields },
  spec: { nodeName, containers: [] },
});

/** A kind of which a cluster may know nothing. */
const OPTIONAL: WatchedKind = { ...POD, optional: true };

async function fakeApi(streamsLists: boolean): Promise<ApiUnderTest & { readonly server: FakeApiServer }> {
  const server = await FakeApiServer.start(streamsLists);
  return {
    server,
    access: server.access,
    async stranger() {
      server.forbidden = true;
      return {
        access: server.access,
        async permit() {
          server.forbidden = false;
        },
      };
    },
    put: async (name, nodeName, fields) => server.put(pod(name, nodeName, fields)),
    async putMany(names, nodeName) {
      for (const name of names) server.put(pod(name, nodeName));
    },
    remove: async (name) => server.remove(`default/${name}`),
    kill: () => server.kill(),
    restart: () => server.listen(),
    forget: async () => server.compact(),
  };
}

for (const streamsLists of [true, false]) {
  describe("with a fake API server,", () => {
    let api: Awaited<ReturnType<typeof fakeApi>>;
    before(async () => {
      api = await fakeApi(streamsLists);
    });
    after(() => api.server.kill());
    describeReflector(streamsLists ? "a server which streams lists" : "a server which pages lists", () => api, 5000);
  });
}

describe("a reflector, when the API server", () => {
  let server: FakeApiServer;
  let seen: Observed;

  beforeEach(async () => {
    server = await FakeApiServer.start();
    server.put(pod("a"));
  });
  afterEach(async () => {
    seen.stop();
    await server.kill();
  });

  const start = (options: ObserveOptions = {}) => {
    seen = observe(server.access, options);
  };
  const whenWatching = () => until(() => server.openWatches === 1 && seen.batches.length > 0);

  it("ends a watch in good order, resumes from the last bookmark and reads nothing twice", async () => {
    start();
    await whenWatching();
    server.put(pod("other", "n2"));
    server.bookmark();
    const { version } = server;
    server.put(pod("b"));
    await until(() => seen.objects.has("default/b"));
    server.remove("default/b");
    await until(() => !seen.objects.has("default/b"));
    server.put(pod("other", "n3"));
    server.bookmark();
    const last = server.version;
    // A bookmark is known to have come when what follows it has.
    server.put(pod("c", "n1"));
    await until(() => seen.objects.has("default/c"));
    server.endWatches();
    await until(() => server.modes.length > 1);
    assert.deepEqual(server.modes, ["stream", "watch"]);
    assert.ok(Number(server.queries[1]?.get("resourceVersion")) > Number(last));
    assert.ok(Number(last) > Number(version));
    assert.deepEqual(seen.pauses, []);
  });

  it("is asked: this node's pods, bookmarks, and to end the watch at a time of its own", async () => {
    start({ random: () => 0 });
    await whenWatching();
    seen.stop();
    start({ random: () => 0.999 });
    await whenWatching();
    const [first, second] = server.queries.map((query) => Object.fromEntries(query));
    assert.deepEqual(first, {
      fieldSelector: "spec.nodeName=n1",
      watch: "true",
      allowWatchBookmarks: "true",
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
      timeoutSeconds: "290",
    });
    assert.equal(second?.["timeoutSeconds"], "580");
  });

  it("sends 410 as an event in a watch, lists anew at once", async () => {
    start();
    await whenWatching();
    server.put(pod("b"));
    await until(() => seen.objects.has("default/b"));
    server.write(line("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" }));
    await until(() => server.modes.length > 1);
    assert.deepEqual([server.modes, seen.pauses, seen.warnings], [["stream", "stream"], [], []]);
  });

  it("answers 410 to the watch, lists anew", async () => {
    start();
    await whenWatching();
    server.answerNext(sendStatus(410, "Gone"));
    server.cut();
    await until(() => server.modes.length === 3);
    assert.deepEqual(server.modes, ["stream", "watch", "stream"]);
  });

  it("says 410 to every watch, waits longer each time instead of turning in a circle", async () => {
    const refused = sendStatus(422, "Invalid");
    const list = sendJson({ metadata: { resourceVersion: "1" }, items: [] });
    const gone = sendStatus(410, "Gone");
    server.answerNext(...Array.from({ length: 4 }, () => [refused, list, gone]).flat());
    start();
    await until(() => seen.objects.has("default/a"));
    assert.deepEqual(seen.pauses, [150, 300, 600, 1200]);
  });

  it("is too busy (429), waits for as long as Retry-After says and somewhat more", async () => {
    server.answerNext(sendStatus(429, "TooManyRequests", { "retry-after": "7" }));
    start();
    await whenWatching();
    assert.deepEqual(seen.pauses, [7000 * 1.125]);
    assert.match(seen.warnings[0] ?? "", /429 TooManyRequests/);
  });

  it("is starting (503), backs off with jitter and no further than half a minute", async () => {
    server.answerNext(...Array.from({ length: 12 }, () => sendStatus(503, "ServiceUnavailable")));
    start();
    await whenWatching();
    assert.deepEqual(seen.pauses.slice(0, 4), [150, 300, 600, 1200]);
    assert.equal(seen.pauses.at(-1), 22_500);
    assert.equal(seen.warnings.length, 1);
  });

  it("asks for hours of patience, gets two minutes", async () => {
    server.answerNext(sendStatus(429, "TooManyRequests", { "retry-after": "86400" }));
    start();
    await whenWatching();
    assert.deepEqual(seen.pauses, [120_000 * 1.125]);
  });

  it("cannot stream lists, for its etcd is too old, gives them in pages at once", async () => {
    const text =
      "a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled";
    server.answerNext((_request, response) => {
      response.end(line("ERROR", { kind: "Status", code: 500, reason: "InternalError", message: text }));
    });
    start();
    await whenWatching();
    await until(() => server.modes.length === 3);
    assert.deepEqual(server.modes, ["stream", "list", "watch"]);
    assert.deepEqual([seen.pauses, seen.warnings, seen.last], [[], [], ["+Pod default/a"]]);
  });

  it("takes the request for a streamed list and never ends it, gives it in pages after the second time", async () => {
    const endless = sendText(line("ADDED", { metadata: { name: "half", resourceVersion: "7" } }));
    server.answerNext(endless, endless);
    start({ silence: 30 });
    await until(() => server.modes.includes("watch"));
    assert.deepEqual(server.modes.slice(0, 4), ["stream", "stream", "list", "watch"]);
    assert.deepEqual([...seen.objects.keys()], ["default/a"], "half a list is nothing");
  });

  it("forgets a continue token midway, is asked for the list in one piece", async () => {
    server.streamsLists = false;
    for (let i = 0; i < 1200; i++) server.put(pod(`p${i}`));
    start();
    await until(() => seen.objects.size === 1201 && server.openWatches === 1);
    seen.hold();
    server.cut();
    await until(() => seen.pauses.length > 0);
    server.remove("default/p7");
    server.compact();
    server.queries.length = 0;
    server.answerNext(asUsual, asUsual, asUsual, (...exchange) => {
      server.compact();
      sendStatus(410, "Expired")(...exchange);
    });
    seen.release();
    await until(() => !seen.objects.has("default/p7") && server.modes.length === 6);
    assert.deepEqual(server.modes, ["watch", "stream", "list", "page", "list", "watch"]);
    assert.equal(server.queries[4]?.has("limit"), false);
    assert.deepEqual([seen.objects.size, seen.batches.length], [1200, 2]);
  });

  it("sends a line byte by byte, waits for its end", async () => {
    start({ silence: 5000 });
    await whenWatching();
    const text = line("ADDED", { ...pod("ü"), metadata: { ...pod("ü").metadata, resourceVersion: "999" } });
    for (const byte of Buffer.from(text)) {
      server.writeBytes(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => seen.objects.has("default/ü"));
    assert.equal(seen.batches.length, 2);
  });

  it("gives a byte now and then and never a line, is taken for dead", async () => {
    start({ silence: 60 });
    await whenWatching();
    const trickle = setInterval(() => server.write(" "), 10);
    await until(() => (seen.status?.failure ?? "").includes("nothing came for 60 ms"));
    clearInterval(trickle);
    await until(() => server.modes.length > 1);
    assert.equal(server.modes[1], "watch", "it resumes");
  });

  it("is silent on an open connection, is asked anew from the same version, and loses nothing", async () => {
    start({ silence: 60 });
    await whenWatching();
    server.freeze();
    server.put(pod("b"));
    await until(() => seen.objects.has("default/b"));
    assert.deepEqual(server.modes.slice(0, 2), ["stream", "watch"]);
    assert.match(seen.warnings[0] ?? "", /nothing came for 60 ms/);
  });

  it("takes the connection and never answers, is given up after the deadline and asked again", async () => {
    server.answerNext(() => {});
    start({ answerDeadline: 40 });
    await whenWatching();
    assert.match(seen.warnings[0] ?? "", /no answer from http:\/\/127\.0\.0\.1:\d+ within 40 ms/);
  });

  it("lost its memory to a backup from before, and stays silent on versions to come, is read anew", async () => {
    start({ silence: 40 });
    await whenWatching();
    server.restoreBackup();
    server.remove("default/a");
    server.put(pod("old"));
    await until(() => seen.objects.has("default/old"));
    assert.deepEqual([...seen.objects.keys()], ["default/old"]);
    assert.ok(server.modes.filter((mode) => mode === "watch").length >= 2, "it resumed first");
  });

  it("breaks off within a line, keeps what came whole and asks for the rest", async () => {
    start();
    await whenWatching();
    server.put(pod("b"));
    server.write(`{"type":"ADDED","object":{"metadata":{"na`);
    await until(() => seen.objects.has("default/b"));
    server.cut();
    server.put(pod("c"));
    await until(() => seen.objects.has("default/c"));
    assert.equal(server.queries[1]?.get("resourceVersion"), "102");
  });

  it("sends what is no JSON three times over, is read anew", async () => {
    start();
    await whenWatching();
    server.answerNext(sendText("<html>\n"), sendText("{}\n"), sendText(line("ADDED", { metadata: {} })));
    server.cut();
    await until(() => server.modes.length === 5);
    assert.deepEqual(server.modes, ["stream", "watch", "watch", "watch", "stream"]);
    assert.match(seen.warnings.join("\n"), /a line that is not JSON: \\"<html>\\"/);
  });

  it("does not know our version yet, thrice, is read anew", async () => {
    start();
    await whenWatching();
    const tooLarge = sendStatus(504, "Timeout: Too large resource version: 9, current: 8");
    server.answerNext(tooLarge, tooLarge, tooLarge);
    server.cut();
    await until(() => server.modes.length === 5);
    assert.deepEqual(server.modes, ["stream", "watch", "watch", "watch", "stream"]);
  });

  it("sends an object anew under its name, gives the new one as a change", async () => {
    start();
    await whenWatching();
    seen.hold();
    server.cut();
    await until(() => seen.pauses.length > 0);
    server.remove("default/a");
    server.put({ ...pod("a"), metadata: { ...pod("a").metadata, uid: "second" } });
    server.compact();
    server.put(pod("b"));
    server.compact();
    seen.release();
    await until(() => seen.batches.length === 2);
    assert.deepEqual([...seen.last].sort(), ["+Pod default/a", "+Pod default/b"]);
  });

  it("has nothing of a kind, remembers that", async () => {
    server.remove("default/a");
    const saved: number[] = [];
    start({ remember: (objects) => saved.push(objects.size) });
    await whenWatching();
    assert.deepEqual(saved, [0]);
  });

  it("does not know an optional kind, has nothing of it: complete, remembered, told once, asked for again", async () => {
    server.missing = true;
    const saved: number[] = [];
    start({ kind: OPTIONAL, remember: (objects) => saved.push(objects.size) });
    await until(() => seen.pauses.length > 5);
    assert.deepEqual([seen.batches.map(({ synced, changes }) => [synced, changes.length]), saved], [[[true, 0]], [0]]);
    assert.deepEqual([seen.statuses.length, seen.warnings], [1, []]);
    const { connected, synced, absent, failure } = seen.status!;
    assert.deepEqual([connected, synced, absent, failure], [true, true, true, undefined]);
    // Ever more rarely, up to half a minute.
    assert.ok(seen.pauses[5]! > seen.pauses[0]!);
  });

  it("comes to know an optional kind, and forgets it again, gives what is there then", async () => {
    server.missing = true;
    start({ kind: OPTIONAL });
    await until(() => seen.status?.absent === true);
    server.missing = false;
    await until(() => seen.status?.absent === false && seen.objects.size === 1);
    server.missing = true;
    server.cut();
    await until(() => seen.status?.absent === true);
    assert.deepEqual(seen.last, ["-Pod default/a"]);
    server.missing = false;
    await until(() => seen.objects.size === 1);
    assert.deepEqual(seen.last, ["+Pod default/a"]);
  });

  it("does not know a kind that every cluster has, is in trouble", async () => {
    server.missing = true;
    start();
    await until(() => seen.status?.failure !== undefined);
    assert.deepEqual([seen.batches, seen.status?.absent, seen.status?.synced], [[], false, false]);
  });

  it("is away at first, gives what an earlier process saw, and then what is different", async () => {
    await server.kill();
    const remembered = new Map<string, unknown>([
      ["default/a", { metadata: { name: "a", namespace: "default" }, spec: { nodeName: "n1", containers: [] } }],
      ["default/gone", { metadata: { name: "gone", namespace: "default" } }],
    ]);
    const saved: number[] = [];
    start({ recall: async () => remembered, remember: (objects) => saved.push(objects.size) });
    await until(() => seen.batches.length === 1);
    await until(() => seen.status?.failure !== undefined);
    assert.deepEqual([...seen.objects.keys()], ["default/a", "default/gone"]);
    assert.deepEqual([seen.status?.connected, seen.status?.synced, seen.status?.remembered], [false, true, true]);
    await server.listen();
    await until(() => seen.status?.remembered === false);
    assert.deepEqual(seen.last, ["-Pod default/gone"]);
    assert.deepEqual(saved, [1]);
  });

  it("is left, has no connection open", async () => {
    start();
    await whenWatching();
    assert.equal(server.openConnections, 1);
    seen.stop();
    await until(() => server.openConnections === 0);
    assert.deepEqual(seen.warnings, []);
  });
});
