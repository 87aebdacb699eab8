import assert from "node:assert/strict";
import fc from "fast-check";
import { ask as askCluster, readQuestion } from "#pipeline/explain/ask.ts";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { meetingPoints } from "#pipeline/explain/decision.ts";
import { findEnds, parseDestination, parseEnd } from "#pipeline/explain/ends.ts";
import { evaluate } from "#pipeline/explain/evaluate.ts";
import { type Explanation, explain } from "#pipeline/explain/explain.ts";
import { classifyPorts, packetOf } from "#pipeline/explain/port-classes.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node } from "#test/pipeline/samples.ts";
import { clusters, labelled, namespace, pod, policy } from "./clusters.ts";

const SHOP: readonly RawChange[] = [
  node("n1", ["10.0.1.0/24", "fd00:1::/64"], ["172.18.0.1"]),
  namespace("shop", { team: "shop" }),
  namespace("tools", { team: "platform" }),
  pod("shop/web", { app: "web" }),
  pod("shop/api", { app: "api" }, { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("tools/probe", { app: "probe" }),
];

function ask(source: string, destination: string, ...policies: readonly RawChange[]): readonly Explanation[] {
  const cluster = readCluster([...SHOP, ...policies]);
  const { end, port } = parseDestination(destination)!;
  return explain(cluster, findEnds(parseEnd(source)!, cluster), findEnds(end, cluster), port);
}

/** What is said of the receiver, of the first family. */
function misses(source: string, destination: string, rule: object): readonly string[] {
  const [first] = ask(source, destination, policy("shop/api", { ...labelled("api"), ingress: [rule] }));
  assert.equal(first!.verdict, "deny");
  return first!.ingress.nearMisses;
}

describe("an explanation", () => {
  it("has the verdict of the evaluator, for every pair and port", () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const ends = findEnds(parseEnd("*/*")!, cluster);
        const explanations = explain(cluster, ends, ends, undefined);
        const verdicts = new Map<string, string>();
        for (const { from, to, family, ports, verdict, alike } of explanations)
          for (const port of ports)
            for (const pair of [[from, to], ...alike]) verdicts.set([...pair, port, family].join(), verdict);
        for (const from of ends)
          for (const to of ends)
            for (const port of classifyPorts(cluster.objects))
              for (const points of from === to ? [] : meetingPoints(from, to)) {
                if (from.pod === to.pod) continue;
                const isAllowed = evaluate(cluster.objects, cluster.podOf, packetOf(points, port)).isAllowed;
                const family = typeof points.source === "number" ? "IPv4" : "IPv6";
                const key = [from, to].map(({ pod: one }) => `${one!.namespace}/${one!.name}`);
                assert.equal(verdicts.get([...key, port.text, family].join()), isAllowed ? "allow" : "deny");
              }
      }),
      { numRuns: 100 },
    );
  });

  it("names the rule that allows, the peer and the port that matched", () => {
    const rule = { from: [labelled("db"), labelled("web")], ports: [{ port: 80 }, { port: "http" }] };
    const [one] = ask(
      "shop/web",
      "shop/api:http",
      policy("shop/api", { ...labelled("api"), ingress: [{ from: [labelled("x")] }, rule] }),
    );
    assert.deepEqual(one!.by, [{ direction: "ingress", policy: "shop/api", rule: 1 }]);
    assert.deepEqual(one!.ports, ["8080/TCP"]);
    assert.equal(one!.ingress.text, "allowed by shop/api ingress[1]: from pods app=web of namespace shop, at http/TCP");
    assert.equal(one!.egress.text, "allowed: no policy isolates it");
  });

  it("names rules of policies for the whole cluster, and those that passed it on", () => {
    const cluster = (key: string, tier: string, egress: readonly object[]): RawChange => {
      const subject = { namespaces: { matchLabels: { team: "shop" } } };
      return { kind: "ClusterNetworkPolicy", key, object: { spec: { tier, priority: 3, subject, egress } } };
    };
    const shop = [{ namespaces: { matchLabels: { team: "shop" } } }];
    const pass = cluster("guard", "Admin", [{ name: "own", action: "Pass", to: shop }]);
    const world = [{ networks: ["0.0.0.0/0", "::/0"] }];
    const closed = cluster("last", "Baseline", [{ action: "Deny", to: world }]);
    const [one] = ask("shop/web", "shop/api:80", pass, closed);
    assert.deepEqual(one!.by, [{ direction: "egress", policy: "last", rule: 0, tier: "baseline" }]);
    const passed = 'ClusterNetworkPolicy guard (Admin 3) egress[0] "own" passed it on';
    const denied = "denied by ClusterNetworkPolicy last (Baseline 3) egress[0]: to 0.0.0.0/0, at every port";
    assert.equal(one!.egress.text, `${denied}; ${passed}`);
    const [open] = ask("shop/web", "shop/api:80", pass);
    assert.deepEqual([open!.verdict, open!.by], ["allow", []]);
    assert.equal(open!.egress.text, `allowed: no policy isolates it; ${passed}`);
    const accept = cluster("guard", "Admin", [{ action: "Accept", to: [{ nodes: {} }] }]);
    const [toNode] = ask("shop/web", "172.18.0.1:80", accept, closed);
    assert.equal(
      toNode!.egress.text,
      "allowed by ClusterNetworkPolicy guard (Admin 3) egress[0]: to every node, at every port",
    );
  });

  it("tells which rule of a policy for the whole cluster would have let it pass in time, and never one that comes too late", () => {
    const cluster = (key: string, priority: number, ...ingress: readonly object[]): RawChange => {
      const spec = { tier: "Admin", priority, subject: { namespaces: {} }, ingress };
      return { kind: "ClusterNetworkPolicy", key, object: { spec } };
    };
    const all = [{ namespaces: {} }];
    const pods = (app: string) => [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app } } } }];
    const early = cluster("early", 1, { action: "Accept", from: pods("api") }, { action: "Deny", from: all });
    const late = cluster("late", 2, { action: "Accept", from: pods("db") });
    const [one] = ask("shop/web", "shop/api:80", early, late);
    assert.match(one!.ingress.text, /^denied by ClusterNetworkPolicy early \(Admin 1\) ingress\[1\]/);
    assert.deepEqual(one!.ingress.nearMisses, [
      "ClusterNetworkPolicy early (Admin 1) ingress[0] would match if label app=web of pod shop/web were app=api",
    ]);
    const passing = cluster("early", 1, { action: "Pass", from: pods("api") }, { action: "Deny", from: all });
    const [passed] = ask("shop/web", "shop/api:80", passing);
    assert.equal(passed!.ingress.nearMisses.length, 1);
  });

  it("names all policies that isolate, of the side that denies", () => {
    const closed = { podSelector: {}, policyTypes: ["Egress"] };
    const [one] = ask("shop/web", "shop/api:80", policy("shop/one", closed), policy("shop/two", closed));
    assert.deepEqual(one!.by, [
      { direction: "egress", policy: "shop/one" },
      { direction: "egress", policy: "shop/two" },
    ]);
    assert.equal(one!.egress.text, "denied: shop/one, shop/two isolate it, and no rule matches");
    assert.deepEqual(one!.egress.nearMisses, []);
  });

  it("says what would have to be otherwise, in plain words", () => {
    const would = (text: string) => [`shop/api ingress[0] would match if ${text}`];
    const from = (...peers: readonly object[]) => ({ from: peers });
    assert.deepEqual(
      misses("shop/web", "shop/api:80", from(labelled("front"))),
      would("label app=web of pod shop/web were app=front"),
    );
    assert.deepEqual(misses("shop/web", "shop/api:80", { ports: [{ port: 8080 }] }), would("the port were 8080/TCP"));
    assert.deepEqual(misses("shop/web", "shop/api:80", { ports: [{ port: "http" }] }), would("the port were 8080/TCP"));
    assert.deepEqual(
      misses("shop/web", "shop/api:80", { ports: [{ port: "metrics" }] }),
      would("port 80/TCP of pod shop/api were named metrics"),
    );
    assert.deepEqual(
      misses("192.0.2.1", "shop/api:80", from({ ipBlock: { cidr: "10.0.0.0/8" } })),
      would("it came from 10.0.0.0/8"),
    );
    assert.deepEqual(misses("192.0.2.1", "shop/api:80", from(labelled("web"))), would("it came from pod shop/web"));
    assert.deepEqual(
      misses(
        "shop/web",
        "shop/api:80",
        from({ podSelector: { matchExpressions: [{ key: "old", operator: "Exists" }] } }),
      ),
      would("pod shop/web had label old=true"),
    );
    assert.deepEqual(
      misses(
        "shop/web",
        "shop/api:80",
        from({ podSelector: { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] } }),
      ),
      would("pod shop/web had no label app"),
    );
    assert.deepEqual(
      misses("tools/probe", "shop/api:80", from({ namespaceSelector: { matchLabels: { team: "ops" } } })),
      would("label team=platform of namespace tools were team=ops"),
    );
    const named = { matchLabels: { "kubernetes.io/metadata.name": "shop" } };
    assert.deepEqual(
      misses("tools/probe", "shop/api:80", from({ namespaceSelector: named, podSelector: {} })),
      would("pod tools/probe were in namespace shop"),
    );
    assert.deepEqual(
      misses("shop/web", "shop/api:80", { ...from(labelled("front")), ports: [{ protocol: "UDP", port: 53 }] }),
      would("label app=web of pod shop/web were app=front and the port were 53/UDP"),
    );
  });

  it("puts the nearest first, and says when the other side would still deny", () => {
    const ingress = [
      { from: [labelled("x")], ports: [{ port: 81 }] },
      { from: [labelled("x")] },
      { from: [labelled("y")] },
    ];
    const [one] = ask(
      "shop/web",
      "shop/api:80",
      policy("shop/api", { ...labelled("api"), ingress }),
      policy("shop/closed", { podSelector: {}, policyTypes: ["Egress"] }),
    );
    assert.deepEqual(one!.ingress.nearMisses, [
      "shop/api ingress[1] would match if label app=web of pod shop/web were app=x; egress denies it all the same",
      "shop/api ingress[2] would match if label app=web of pod shop/web were app=y; egress denies it all the same",
      "shop/api ingress[0] would match if label app=web of pod shop/web were app=x and the port were 81/TCP; egress denies it all the same",
    ]);
  });

  it("says when the change itself makes the other side deny", () => {
    const rule = { ...labelled("api"), ingress: [{ from: [labelled("x")] }] };
    const [one] = ask(
      "shop/web",
      "shop/api:80",
      policy("shop/api", rule),
      policy("shop/x", { ...labelled("x"), policyTypes: ["Egress"] }),
    );
    assert.deepEqual(one!.ingress.nearMisses, [
      "shop/api ingress[0] would match if label app=web of pod shop/web were app=x; but then egress would deny it",
    ]);
  });

  it("passes what a node sends to its own pods, and what a pod sends to itself", () => {
    const closed = policy("shop/closed", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    assert.equal(
      ask("172.18.0.1", "shop/api:80", closed)[0]!.ingress.text,
      "allowed: it comes from the pod's own node",
    );
    const [own] = ask("shop/api", "shop/api:80", closed);
    assert.deepEqual([own!.verdict, own!.by], ["allow", []]);
  });
});

describe("an explanation of a name", () => {
  const to = [{ domainNames: ["example.com", "*.example.net"] }];
  const peers = { action: "Accept", to, protocols: [{ tcp: { destinationPort: { number: 443 } } }] };
  const rest = { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] };
  const spec = { tier: "Admin", priority: 3, subject: { namespaces: {} }, egress: [peers, rest] };
  const names: RawChange = { kind: "ClusterNetworkPolicy", key: "names", object: { metadata: {}, spec } };
  const domain = (key: string, ...addresses: readonly string[]): RawChange => ({
    ...{ kind: "Domain", key },
    object: { addresses, lapsed: ["203.0.113.9"] },
  });
  const asked = (destination: string, ...told: readonly RawChange[]) => {
    const question = readQuestion("shop/web", destination);
    assert.ok(!("refusal" in question));
    const answer = askCluster(readCluster([...SHOP, names, ...told]), question);
    assert.ok("explanations" in answer, JSON.stringify(answer));
    return answer.explanations.map(({ to: end, family, verdict, by }) => {
      return `${end} ${family} ${verdict} ${by.map(({ policy: name, rule }) => `${name} ${rule}`)}`;
    });
  };

  it("says what is allowed by it, where nobody was told an address", () => {
    const both = (end: string, what: string) => [`${end} IPv4 ${what}`, `${end} IPv6 ${what}`];
    assert.deepEqual(asked("Example.com.:443"), both("example.com", "allow names 0"));
    assert.deepEqual(asked("example.com:80"), both("example.com", "deny names 1"));
    assert.deepEqual(asked("a.b.example.net:443"), both("a.b.example.net", "allow names 0"));
    for (const name of ["example.net", "www.example.com"])
      assert.deepEqual(asked(`${name}:443`), both(name, "deny names 1"));
  });

  it("says it of each address that pods were told, and by no other name", () => {
    const told = domain("example.com", "2001:db8::7", "203.0.113.7");
    assert.deepEqual(asked("example.com:443", told), [
      "example.com (203.0.113.7) IPv4 allow names 0",
      "example.com (2001:db8::7) IPv6 allow names 0",
    ]);
    assert.deepEqual(asked("203.0.113.7:443", told), ["203.0.113.7 IPv4 allow names 0"]);
    assert.deepEqual(asked("203.0.113.9:443", told), ["203.0.113.9 IPv4 deny names 1"]);
    assert.deepEqual(asked("example.org:443", domain("example.org", "203.0.113.8"), told), [
      "example.org (203.0.113.8) IPv4 deny names 1",
    ]);
  });

  it("is none of what a name sends", () => {
    assert.deepEqual(readQuestion("example.com", "shop/web"), {
      refusal: "example.com: a name sends nothing; name pods or an address",
    });
  });
});

describe("the ends of traffic", () => {
  it("are read as people write them", () => {
    const cluster = readCluster(SHOP);
    const names = (text: string) => findEnds(parseEnd(text)!, cluster).map(({ pod: one, ips }) => one?.name ?? ips[0]);
    assert.deepEqual(names("shop/web"), ["web"]);
    assert.deepEqual(names("shop/nobody"), []);
    assert.deepEqual(names("shop/*"), ["api", "web"]);
    assert.deepEqual(names("*/app in (web, probe)"), ["web", "probe"]);
    assert.deepEqual(names("*/app notin (web),!old"), ["api", "probe"]);
    assert.deepEqual(names("shop/app!=web"), ["api"]);
    assert.deepEqual(names("tools/example.com/part=x"), []);
    assert.deepEqual(names("10.0.1.2"), ["api"]);
    assert.deepEqual(names("192.0.2.1"), [0xc0000201]);
    for (const text of [
      "",
      "/",
      "shop/",
      "a b",
      "shop/app=we:b",
      "Shop/web",
      "10.0.0.0/8x",
      "shop/app in (a",
      "*/web",
      "10.0.0.300",
      ".com",
      "a..b",
    ])
      assert.equal(parseEnd(text), undefined, text);
  });

  it("have ports behind them", () => {
    const portOf = (text: string) => parseDestination(text)?.port;
    assert.deepEqual(portOf("shop/web:80"), { text: "80/TCP", protocol: 6, port: 80 });
    assert.deepEqual(portOf("[fd00::1]:53/udp"), { text: "53/UDP", protocol: 17, port: 53 });
    assert.deepEqual(portOf("shop/app=web:http"), { name: "http", protocol: 6 });
    assert.deepEqual(parseDestination("fd00::1:80")?.port, undefined);
    for (const text of ["shop/web:", "shop/web:0", "shop/web:65536", "shop/web:80/ICMP", "shop/web:-", ":80"])
      assert.equal(parseDestination(text), undefined, text);
  });
});
