import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { createLabelled } from "#pipeline/index/labelled.ts";
import { signatureOf } from "#pipeline/index/selection.ts";
import { createSelectors } from "#pipeline/index/selectors.ts";
import { createSelector, isSelected, type LabelSelector } from "#pipeline/model/label-selector.ts";
import type { Labels, ModelChange, Pod, View } from "#pipeline/model/model.ts";
import { type PodSelection, selectionsNamedBy } from "#pipeline/model/policy.ts";
import { createModelStore, type ModelStore } from "#pipeline/model/store.ts";
import type { RawChange } from "#pipeline/source.ts";
import { batch, port } from "./samples.ts";

/** The index is held against this: everything looked through, each time anew. */
function selectNaively(view: View): ReadonlyMap<string, ReadonlySet<string>> {
  const selections = new Map<string, PodSelection>();
  for (const policy of view.NetworkPolicy.values())
    for (const selection of selectionsNamedBy(policy)) selections.set(selection.key, selection);
  const members = [...selections].map(([key, selection]): [string, Set<string>] => {
    const pods = podsWithNetwork(view).filter(([, pod]) => holds(selection, pod, view));
    return [key, new Set(pods.map(([podKey]) => podKey))];
  });
  return new Map(members.filter(([, pods]) => pods.size > 0));
}

function podsWithNetwork(view: View): readonly (readonly [string, Pod])[] {
  return [...view.Pod].filter(([, { hostNetwork, completed }]) => !hostNetwork && !completed);
}

function holds({ namespaces, pods }: PodSelection, pod: Pod, view: View): boolean {
  if (!isSelected(pods, pod.labels)) return false;
  if (typeof namespaces === "string") return namespaces === pod.namespace;
  const known = view.Namespace.get(pod.namespace);
  if (known !== undefined) return isSelected(namespaces, known.labels);
  const name = "kubernetes.io/metadata.name";
  return (
    namespaces.requirements.every(({ key }) => key === name) && isSelected(namespaces, new Map([[name, pod.namespace]]))
  );
}

function findOwnerNaively(view: View, ip: Ip): string | undefined {
  const ports = [...view.Port].filter(([, { ips, podName }]) => ips.includes(ip) && podName !== "");
  const [port] = ports.sort(([a], [b]) => (a < b ? -1 : 1));
  if (port !== undefined) return `${port[1].podNamespace}/${port[1].podName}`;
  const rank = ([key, pod]: readonly [string, Pod]) =>
    [pod.terminating ? 1 : 0, String(1e15 - pod.created).padStart(16, "0"), key].join(" ");
  const pods = podsWithNetwork(view).filter(([, { ips }]) => ips.includes(ip));
  return pods.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))[0]?.[0];
}

/** What somebody holds who believes the changes. */
class Believer {
  readonly members = new Map<string, Set<string>>();
  readonly owners = new Map<Ip, string>();

  hear(change: ModelChange): void {
    if (change.kind === "Selection") {
      const pods = this.members.get(change.key) ?? new Set();
      for (const pod of change.entered) assert.ok(!pods.has(pod), `${pod} entered ${change.key} twice`);
      for (const pod of change.left) assert.ok(pods.has(pod), `${pod} left ${change.key} without being in it`);
      const next = new Set([...pods, ...change.entered]).difference(new Set(change.left));
      assert.notEqual(change.entered.length + change.left.length, 0);
      if (next.size === 0) this.members.delete(change.key);
      else this.members.set(change.key, next);
    } else if (change.kind === "Address") {
      assert.equal(change.before, this.owners.get(change.ip), "an address moved from where it was not");
      assert.notEqual(change.before, change.after);
      if (change.after === undefined) this.owners.delete(change.ip);
      else this.owners.set(change.ip, change.after);
    }
  }
}

function check({ view }: ModelStore, believer: Believer): void {
  const expected = selectNaively(view);
  assert.deepEqual(believer.members, expected, "the changes add up to who is selected");
  for (const [key, pods] of expected) assert.deepEqual(new Set(view.selections.membersOf(key)), pods, key);
  for (const pod of [...view.Pod.keys(), "a/unheard-of"]) {
    const keys = [...expected].filter(([, pods]) => pods.has(pod)).map(([key]) => key);
    assert.deepEqual([...view.selections.selectionsOf(pod)].sort(), keys.sort(), pod);
  }
  const owners = ADDRESSES.map((text) => parseIp(text)!).map((ip) => [ip, findOwnerNaively(view, ip)] as const);
  assert.deepEqual(believer.owners, new Map(owners.filter(([, owner]) => owner !== undefined)));
  for (const [ip, owner] of owners) assert.equal(view.selections.podOf(ip), owner, formatIp(ip));
}

const NAMESPACES = ["a", "b", "c"];
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "fd00::1"];

const labels = fc.dictionary(fc.constantFrom("app", "tier", "env"), fc.constantFrom("x", "y", ""), { maxKeys: 3 });
const requirement = fc.oneof(
  fc.record({
    key: fc.constantFrom("app", "tier", "env"),
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.subarray(["", "x", "y", "z"], { minLength: 1 }),
  }),
  fc.record({
    key: fc.constantFrom("app", "tier", "env", "kubernetes.io/metadata.name"),
    operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const),
    values: fc.constant([]),
  }),
  fc.record({
    key: fc.constant("kubernetes.io/metadata.name"),
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.subarray(NAMESPACES, { minLength: 1 }),
  }),
);
const selector = fc.array(requirement, { maxLength: 3 }).map((matchExpressions) => ({ matchExpressions }));

const podObject = fc
  .record({
    labels,
    ips: fc.subarray(ADDRESSES),
    phase: fc.constantFrom("Running", "Running", "Running", "Succeeded"),
    hostNetwork: fc.constantFrom(false, false, false, true),
    created: fc.constantFrom(1, 2, 3),
    deleted: fc.constantFrom(undefined, undefined, "2026-01-31T12:00:00Z"),
  })
  .map(({ labels, ips, phase, hostNetwork, created, deleted }) => ({
    metadata: { labels, creationTimestamp: `2026-01-0${created}T00:00:00Z`, deletionTimestamp: deleted },
    spec: { hostNetwork },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  }));
const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
);
const policyObject = fc
  .record({ podSelector: selector, from: fc.array(peer, { maxLength: 2 }), to: fc.array(peer, { maxLength: 1 }) })
  .map(({ podSelector, from, to }) => ({ spec: { podSelector, ingress: [{ from }], egress: [{ to }] } }));

function changesOf(kind: RawChange["kind"], keys: readonly string[], object: fc.Arbitrary<unknown>) {
  const state = fc.oneof({ weight: 3, arbitrary: object }, { weight: 1, arbitrary: fc.constant(undefined) });
  return fc.record({ kind: fc.constant(kind), key: fc.constantFrom(...keys), object: state });
}

const names = (namespaces: readonly string[], count: number) =>
  namespaces.flatMap((namespace) => Array.from({ length: count }, (_, i) => `${namespace}/${i}`));
const change: fc.Arbitrary<RawChange> = fc.oneof(
  { weight: 6, arbitrary: changesOf("Pod", [...names(["a"], 12), ...names(["b", "c"], 2)], podObject) },
  { weight: 4, arbitrary: changesOf("NetworkPolicy", [...names(["a"], 9), ...names(["b"], 1)], policyObject) },
  {
    weight: 2,
    arbitrary: changesOf(
      "Namespace",
      NAMESPACES,
      labels.map((its) => ({ metadata: { labels: its } })),
    ),
  },
  fc
    .tuple(
      fc.constantFrom("weir1", "weir2"),
      fc.subarray(ADDRESSES),
      fc.constantFrom("a/0", "a/1", "b/7", ""),
      fc.boolean(),
    )
    .map(([name, ips, pod, isGone]): RawChange => {
      const one = port(name, 1, ips, pod);
      return isGone ? { ...one, object: undefined } : one;
    }),
);

describe("the index of selections", () => {
  it("says after any history what a search through everything finds, and each change of it once", () => {
    const history = fc.tuple(
      fc.array(change, { maxLength: 60 }),
      fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 15 }),
    );
    fc.assert(
      fc.property(history, ([first, later]) => {
        const store = createModelStore(["test"]);
        const believer = new Believer();
        for (const changes of [first, ...later, later[0] ?? []]) {
          for (const one of store.apply(batch(...changes))) believer.hear(one);
          check(store, believer);
        }
      }),
      { numRuns: 300 },
    );
  });

  const policy = (key: string, app: string): RawChange => ({
    ...{ kind: "NetworkPolicy", key },
    object: { spec: { podSelector: { matchLabels: { app } } } },
  });
  const pod = (key: string, app: string, status: object = {}): RawChange => ({
    ...{ kind: "Pod", key },
    object: { metadata: { labels: { app } }, status },
  });
  const derived = (store: ModelStore, ...changes: readonly RawChange[]) =>
    store.apply(batch(...changes)).filter(({ kind }) => kind === "Selection" || kind === "Address");

  it("has one selection where many policies say the same, until the last of them goes", () => {
    const store = createModelStore(["test"]);
    const entered = { kind: "Selection", key: "a/app=web", entered: ["a/1"], left: [] };
    assert.deepEqual(derived(store, pod("a/1", "web"), policy("a/p", "web")), [entered]);
    assert.deepEqual(derived(store, policy("a/q", "web")), []);
    assert.deepEqual(derived(store, { ...policy("a/p", "web"), object: undefined }), []);
    const left = { kind: "Selection", key: "a/app=web", entered: [], left: ["a/1"] };
    assert.deepEqual(derived(store, { ...policy("a/q", "web"), object: undefined }), [left]);
    assert.equal(store.view.selections.membersOf("a/app=web").size, 0);
  });

  it("tells nothing of what came and went within one step", () => {
    const store = createModelStore(["test"]);
    store.apply(batch(pod("a/1", "web"), policy("a/p", "web")));
    const gone = { ...policy("a/p", "web"), object: undefined };
    assert.deepEqual(derived(store, gone, policy("a/p", "web")), []);
    assert.deepEqual(derived(store, policy("a/q", "db"), { ...policy("a/q", "db"), object: undefined }), []);
    assert.deepEqual(derived(store, pod("a/1", "db"), pod("a/2", "web"), pod("a/2", "db"), pod("a/1", "web")), []);
  });

  it("gives a pod's address to the one that took it over, though the old pod is still told of", () => {
    const store = createModelStore(["test"]);
    const podIPs = [{ ip: "10.0.0.1" }];
    const ip = parseIp("10.0.0.1")!;
    store.apply(batch(pod("a/old", "x", { podIPs })));
    assert.equal(store.view.selections.podOf(ip), "a/old");
    const plugged = port("weir1", 1, ["10.0.0.1"], "a/new");
    assert.deepEqual(derived(store, plugged), [{ kind: "Address", ip, before: "a/old", after: "a/new" }]);
    assert.deepEqual(derived(store, pod("a/old", "x", { podIPs, phase: "Failed" }), pod("a/new", "x", { podIPs })), []);
    assert.deepEqual(derived(store, { ...plugged, object: undefined }), []);
    assert.equal(store.view.selections.podOf(ip), "a/new");
  });
});

describe("what the index is made of", () => {
  const someLabels = labels.map((its): Labels => new Map(Object.entries(its)));
  const someSelector = fc.array(requirement, { maxLength: 3 }).map((all): LabelSelector => createSelector(all));
  const sorted = (found: Iterable<number>) => [...found].sort((a, b) => a - b);

  it("finds labelled things by selector, however many there are", () => {
    const some = fc.array(someLabels, { maxLength: 30 });
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.boolean()), someSelector, (all, removed, asked) => {
        const labelled = createLabelled<number>();
        all.forEach((its, i) => {
          labelled.add(its, i);
        });
        const kept = all.flatMap((its, i) => {
          if (!removed.next().value) return [i];
          labelled.remove(its, i);
          return [];
        });
        assert.deepEqual(
          sorted(labelled.select(asked)),
          kept.filter((i) => isSelected(asked, all[i]!)),
        );
        assert.deepEqual(sorted(labelled.all()), kept);
      }),
    );
  });

  it("finds selectors by labels, however many there are", () => {
    const some = fc.array(someSelector, { maxLength: 30 });
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.boolean()), someLabels, (all, removed, given) => {
        const selectors = createSelectors<number>();
        all.forEach((one, i) => {
          selectors.add(one, i);
        });
        const kept = all.flatMap((_, i) => {
          if (!removed.next().value) return [i];
          selectors.remove(i);
          return [];
        });
        assert.deepEqual(
          sorted(selectors.match(given)),
          kept.filter((i) => isSelected(all[i]!, given)),
        );
        assert.equal(selectors.size, kept.length);
      }),
    );
  });

  it("has labels share a signature when they are the same, whatever characters are in them", () => {
    const wild = fc.dictionary(fc.constantFrom("a", "1:a", "a1:b", ""), fc.constantFrom("", "1:a", "b1:a", "2:"));
    fc.assert(
      fc.property(wild, wild, (a, b) => {
        const turned = new Map(Object.entries(a).toReversed());
        assert.equal(signatureOf(new Map(Object.entries(a))), signatureOf(turned));
        const isSame = JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
        assert.equal(signatureOf(turned) === signatureOf(new Map(Object.entries(b))), isSame);
      }),
    );
  });
});
