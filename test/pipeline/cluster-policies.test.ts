import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "#base/address.ts";
import { STATE } from "#pipeline/features/vocabulary.ts";
import { createConjunctionIds } from "#pipeline/index/conjunction-ids.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { describeLevel, levelOf, placeOfLevel } from "#pipeline/layout/levels.ts";
import { VERDICTS } from "#pipeline/model/policy.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch, type Fields, type Passage } from "#test/support/fake-switch.ts";
import { addressesOf, ground, LOCAL, PODS } from "./policy-clusters.ts";
import { enter } from "./policy-packets.ts";
import { batch, gone, node, SETTINGS } from "./samples.ts";

/** The clusters of policy-clusters.ts: namespaces a, b and c, and in them the pods web, api, db and far. */
const namespaces = ["a", "b", "c"].map(
  (key): RawChange => ({ kind: "Namespace", key, object: labelled({ team: key }) }),
);
const pods = PODS.map((key): RawChange => pod(key));

function labelled(labels: Readonly<Record<string, string>>) {
  return { metadata: { labels } };
}

function pod(key: string, http = 80): RawChange {
  const object = {
    metadata: { labels: { app: key.split("/")[1] } },
    spec: { nodeName: key === "c/far" ? "n2" : "n1", containers: [{ ports: [{ name: "http", containerPort: http }] }] },
    status: { podIPs: addressesOf(key).map((ip) => ({ ip })) },
  };
  return { kind: "Pod", key, object };
}

function start(...changes: readonly RawChange[]): Pipeline {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  pipeline.step(batch(...ground(), ...namespaces, ...pods, ...changes));
  return pipeline;
}

/** For the pods of namespace a, unless `spec` says otherwise. */
function policy(key: string, spec: object): RawChange {
  const subject = { namespaces: { matchLabels: { team: "a" } } };
  return { kind: "ClusterNetworkPolicy", key, object: { spec: { tier: "Admin", priority: 10, subject, ...spec } } };
}

const B = [{ namespaces: { matchLabels: { team: "b" } } }];
const to = (action: string, peers: readonly object[] = B, protocols?: readonly object[]) => ({
  ...{ action, to: peers },
  ...(protocols !== undefined && { protocols }),
});
/** Nothing may leave a pod of the namespace; or what one rule allows. */
const isolate = (key: string, ...egress: readonly object[]): RawChange => ({
  ...{ kind: "NetworkPolicy", key },
  object: { spec: { podSelector: {}, policyTypes: ["Egress"], egress } },
});

/** A packet of TCP to port 80, or another. */
function run(pipeline: Pipeline, from: string, target: string, destinationPort = 80, fields: Fields = {}): Passage {
  const [source, destination] = [from, target].map((name) => parseIp(addressesOf(name)[0] ?? name)!);
  const fake = createFakeSwitch([...pipeline.desired.flows.values()].map(({ flow }) => flow));
  const packet = enter({ source: source!, destination: destination!, protocol: 6, destinationPort });
  return fake.run({ ...packet, ...fields });
}

function passes(...args: Parameters<typeof run>): boolean {
  return run(...args).outputs.length > 0;
}

describe("tiers of policies", () => {
  it("are asked in their order, and where one has decided the next is not asked", () => {
    const np = { none: [], closed: [isolate("a/p")], open: [isolate("a/p", {})] };
    const tier = (name: string, action: string) => [policy(name.toLowerCase(), { tier: name, egress: [to(action)] })];
    const cases: readonly (readonly [string | undefined, keyof typeof np, string | undefined, boolean])[] = [
      ["Accept", "closed", "Deny", true],
      ["Deny", "open", "Accept", false],
      ["Pass", "closed", "Accept", false],
      ["Pass", "open", "Deny", true],
      ["Pass", "none", "Deny", false],
      ["Pass", "none", "Pass", true],
      ["Pass", "none", undefined, true],
      [undefined, "closed", "Accept", false],
      [undefined, "open", "Deny", true],
      [undefined, "none", "Deny", false],
      [undefined, "none", "Accept", true],
      [undefined, "none", undefined, true],
    ];
    for (const [admin, middle, baseline, expected] of cases) {
      const changes = [
        ...(admin === undefined ? [] : tier("Admin", admin)),
        ...np[middle],
        ...(baseline === undefined ? [] : tier("Baseline", baseline)),
      ];
      const pipeline = start(...changes);
      const title = [admin, middle, baseline].join(" ");
      assert.equal(passes(pipeline, "a/web", "b/db"), expected, title);
      assert.equal(passes(pipeline, "a/web", "c/far"), middle !== "closed", title);
      assert.equal(passes(pipeline, "b/web", "b/db"), true, title);
    }
  });

  it("take the lower priority first, then the earlier rule, on either side of where their second table begins", () => {
    for (const [first, second] of [
      [0, 1],
      [498, 499],
      [499, 500],
      [500, 501],
      [999, 1000],
      [0, 1000],
    ] as const)
      for (const tier of ["Admin", "Baseline"])
        for (const actions of [
          ["Accept", "Deny"],
          ["Deny", "Accept"],
        ]) {
          const [one, other] = [first, second].map((priority, i) =>
            policy(`p${i}`, {
              tier,
              priority,
              egress: [to("Deny", [{ namespaces: { matchLabels: { team: "none" } } }]), to(actions[i]!)],
            }),
          );
          for (const order of [
            [one!, other!],
            [other!, one!],
          ])
            assert.equal(
              passes(start(...order), "a/web", "b/db"),
              actions[0] === "Accept",
              `${tier} ${first} ${second}`,
            );
          const inOne = start(policy("p", { tier, priority: second, egress: actions.map((action) => to(action)) }));
          assert.equal(passes(inOne, "a/web", "b/db"), actions[0] === "Accept");
        }
  });

  it("deny where policies of one priority contradict each other at the same place", () => {
    const all = ["Pass", "Accept", "Deny"].map((action, i) => policy(`p${i}`, { egress: [to(action)] }));
    assert.equal(passes(start(...all), "a/web", "b/db"), false);
    assert.equal(passes(start(isolate("a/p"), ...all.slice(0, 2)), "a/web", "b/db"), true);
  });

  it("have a place for each rule, in its order, and no two places are one", () => {
    const place = fc.record({ priority: fc.nat(1000), index: fc.nat(24), verdict: fc.constantFrom(...VERDICTS) });
    const order = ({
      priority,
      index,
      verdict,
    }: {
      priority: number;
      index: number;
      verdict: (typeof VERDICTS)[number];
    }) => [priority, index, VERDICTS.indexOf(verdict)].map((one) => String(one).padStart(4, "0")).join();
    fc.assert(
      fc.property(place, place, (one, other) => {
        const [a, b] = [one, other].map(({ priority, index, verdict }) =>
          placeOfLevel(levelOf(priority, index, verdict)),
        );
        const before = a!.table - b!.table || b!.priority - a!.priority;
        assert.equal(Math.sign(before), order(one) === order(other) ? 0 : order(one) < order(other) ? -1 : 1);
        const { priority, index, verdict } = one;
        assert.equal(describeLevel(a!.table, a!.priority), `priority ${priority}, rule ${index}, ${verdict}`);
      }),
    );
  });
});

describe("ClusterNetworkPolicies", () => {
  it("note which rule let a connection through, and nothing of one that passed it on", () => {
    const noted = (pipeline: Pipeline) => run(pipeline, "a/web", "b/db").fields.reg5;
    const idOf = (pipeline: Pipeline, key: string) => BigInt(pipeline.view.rules.rule(key)?.id ?? 0);
    const accept = start(policy("p", { egress: [to("Accept")] }));
    assert.equal(noted(accept), idOf(accept, "*cluster/p/egress/0"));
    const pass = start(policy("p", { egress: [to("Pass")] }));
    assert.equal(noted(pass), undefined);
    const both = start(policy("p", { egress: [to("Pass")] }), policy("q", { tier: "Baseline", egress: [to("Pass")] }));
    assert.equal(noted(both), idOf(both, "*cluster/q/egress/0"));
  });

  it("get numbers before all rules of namespaces, whose names may be chosen so that there are none left", () => {
    const [rule] = start(policy("zz", { egress: [to("Deny")] })).view.rules.all();
    const ids = createConjunctionIds(() => 7);
    const chosen = Array.from({ length: 20 }, (_, i) => `0/${String(i).padStart(2, "0")}/egress/0`);
    for (const key of [...chosen, rule!.key]) ids.add(key);
    assert.notEqual(ids.idOf(rule!.key), undefined);
    assert.equal(ids.idOf(chosen.at(-1)!), undefined);
  });

  it("let a node's own packets to its pods pass, and replies, whatever they deny", () => {
    const closed = policy("p", { priority: 0, subject: { namespaces: {} }, ingress: [{ action: "Deny", from: [{}] }] });
    const pipeline = start(closed);
    assert.equal(passes(pipeline, "10.10.1.1", "a/web"), true);
    assert.equal(passes(pipeline, "172.18.0.1", "a/web"), true);
    assert.equal(passes(pipeline, "172.18.0.2", "a/web"), false);
    assert.equal(passes(pipeline, "c/far", "a/web"), false);
    const reply = { ct_state: 0x2a, ct_mark: CT_MARK.known };
    assert.equal(passes(pipeline, "c/far", "a/web", 80, reply), true);
  });

  it("are asked about what a service leads back to its sender, which no NetworkPolicy isolates from itself", () => {
    const translated = { ct_state: STATE.new | STATE.trk | STATE.dnat };
    const isBack = (...changes: readonly RawChange[]) => passes(start(...changes), "a/web", "a/web", 80, translated);
    const own = [{ namespaces: { matchLabels: { team: "a" } } }];
    const tier = (name: string, action: string) => [
      policy(name.toLowerCase(), { tier: name, egress: [to(action, own)] }),
      policy(name.toLowerCase(), { tier: name, ingress: [{ action, from: own }] }),
    ];
    const isolated = isolate("a/p");
    const both: RawChange = { ...isolated, object: { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } } };
    assert.deepEqual([isBack(), isBack(isolated), isBack(both)], [true, true, true]);
    for (const admin of tier("Admin", "Deny")) assert.deepEqual([isBack(admin), isBack(admin, both)], [false, false]);
    for (const [i, pass] of tier("Admin", "Pass").entries()) assert.equal(isBack(pass, both), true, `${i}`);
    for (const baseline of tier("Baseline", "Deny"))
      assert.deepEqual([isBack(baseline), isBack(baseline, both)], [false, true]);
  });

  it("follow nodes as they come, change their labels and addresses, and go", () => {
    const nodes = [{ nodes: { matchLabels: { zone: "x" } } }];
    const pipeline = start(policy("p", { egress: [to("Deny", nodes)] }));
    const far = (labels: Record<string, string>, ...addresses: readonly object[]): RawChange => {
      const { kind, key, object } = node("n2", ["10.10.2.0/24"], []);
      const { metadata, ...rest } = object as { metadata: object };
      return { kind, key, object: { ...rest, metadata: { ...metadata, labels }, status: { addresses } } };
    };
    const internal = { type: "InternalIP", address: "172.18.0.2" };
    const external = { type: "ExternalIP", address: "203.0.113.7" };
    const reached = () => ["172.18.0.2", "203.0.113.7"].map((address) => passes(pipeline, "a/web", address));
    assert.deepEqual(reached(), [true, true]);
    pipeline.step(batch(far({ zone: "x" }, internal)));
    assert.deepEqual(reached(), [false, true]);
    pipeline.step(batch(far({ zone: "x" }, internal, external)));
    assert.deepEqual(reached(), [false, false]);
    pipeline.step(batch(far({ zone: "y" }, internal, external)));
    assert.deepEqual(reached(), [true, true]);
    pipeline.step(batch(far({ zone: "x" }, external)));
    assert.equal(reached()[1], false);
    pipeline.step(batch(gone(far({}))));
    assert.deepEqual(reached()[1], true);
  });

  it("find a port by the name that each pod gives it, and drop a name with the last that has it", () => {
    const named = [{ destinationNamedPort: "http" }];
    const pipeline = start(pod("b/db", 8080), policy("p", { egress: [to("Deny", B, named)] }));
    const open = () => [80, 8080].map((port) => ["b/web", "b/db"].map((one) => passes(pipeline, "a/web", one, port)));
    assert.deepEqual(open(), [
      [false, true],
      [true, false],
    ]);
    pipeline.step(batch(pod("b/db", 80)));
    assert.deepEqual(open(), [
      [false, false],
      [true, true],
    ]);
  });

  it("let nothing pass to and from a pod that is not known while one may select it", () => {
    const egress = policy("p", { egress: [to("Pass")] });
    const pipeline = start();
    pipeline.step(batch(gone(pod("a/web")), gone(pod("b/web"))));
    assert.equal(passes(pipeline, "a/web", "b/db"), true);
    pipeline.step(batch(egress));
    assert.deepEqual(
      ["a/web", "b/web"].map((from) => passes(pipeline, from, "c/far")),
      [false, true],
    );
    assert.equal(passes(pipeline, "c/far", "a/web"), false);
    pipeline.step(batch(pod("a/web")));
    assert.equal(passes(pipeline, "a/web", "c/far"), true);
    pipeline.step(batch(gone(egress), gone(pod("a/web"))));
    assert.equal(passes(pipeline, "a/web", "c/far"), true);
  });

  it("close a pod of a namespace that is not known when they ask for its labels, and not when its name is enough", () => {
    const bySelector = policy("p", { egress: [to("Pass")] });
    const byName = { namespaces: { matchLabels: { "kubernetes.io/metadata.name": "b" } } };
    const pipeline = start(bySelector);
    pipeline.step(batch({ kind: "Namespace", key: "a", object: undefined }));
    assert.equal(passes(pipeline, "a/web", "c/far"), false);
    pipeline.step(batch(policy("p", { subject: byName, egress: [to("Pass")] })));
    assert.equal(passes(pipeline, "a/web", "c/far"), true);
    pipeline.step(batch(bySelector));
    pipeline.step(batch(...namespaces));
    assert.equal(passes(pipeline, "a/web", "c/far"), true);
  });

  it("fail closed in the switch: a rule that nobody can read denies everything, one that accepts nothing", () => {
    const unread = [{ serviceAccounts: {} }];
    for (const [action, expected] of [
      ["Accept", true],
      ["Deny", false],
      ["Pass", false],
    ] as const) {
      const pipeline = start(policy("p", { egress: [to(action, unread), to("Accept")] }));
      assert.deepEqual(
        [passes(pipeline, "a/web", "b/db"), passes(pipeline, "b/web", "b/db")],
        [expected, true],
        action,
      );
    }
    const isolated = start(isolate("a/p"), policy("p", { egress: [to("Accept", unread)] }));
    assert.equal(passes(isolated, "a/web", "b/db"), false);
  });

  it("of which more share a pod than a flow can hold deny everything there if they do not accept, and say so", function () {
    this.timeout(20_000);
    const many = (action: string) =>
      Array.from({ length: 3901 }, (_, i) =>
        policy(`p${i}`, { egress: [to(action, [{ networks: ["192.0.2.0/24"] }])] }),
      );
    for (const [action, expected, effect] of [
      ["Deny", false, "denies everything there"],
      ["Accept", true, "allows nothing there"],
    ] as const) {
      const pipeline = start(...many(action));
      assert.equal(passes(pipeline, "a/web", "b/db"), expected);
      const problems = [...pipeline.problems()].filter(({ message }) => message.includes(effect));
      assert.ok(problems.length > 0, action);
      assert.match(problems[0]?.object ?? "", /^ClusterNetworkPolicy p\d+$/);
    }
  });

  it("cost a flow for each of their parts", () => {
    const before = start().desired.flows.size;
    const peers = [{ networks: Array.from({ length: 25 }, (_, i) => `192.0.${i}.0/24`) }];
    const ports = Array.from({ length: 25 }, (_, i) => ({ tcp: { destinationPort: { number: 1000 + i } } }));
    const after = start(policy("p", { subject: { namespaces: {} }, egress: [to("Deny", peers, ports)] })).desired.flows
      .size;
    // The pods here, the networks, each port in both families, and the rule itself.
    assert.equal(after - before, LOCAL.length + 25 + 2 * 25 + 1);
  });
});
