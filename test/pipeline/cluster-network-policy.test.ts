import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCidr } from "#base/address.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { ClusterNetworkPolicy, ClusterPolicyPeer, ClusterPolicyRule } from "#pipeline/model/policy.ts";

/** A policy as a person would say it: "deny {}/app=web or 10.0.0.0/8 at 6:80-90". */
function read(spec: unknown) {
  const object = { metadata: { uid: "u", generation: 3 }, spec };
  const { value, problems } = ingest("test", { kind: "ClusterNetworkPolicy", key: "p", object });
  const { tier, priority, subject, ingress, egress } = value as ClusterNetworkPolicy;
  return {
    ...{
      head: `${tier} ${priority} ${subject.key}`,
      ingress: ingress.map(describeRule),
      egress: egress.map(describeRule),
    },
    problems: problems.map(({ field, message }) => `${field} ${message}`),
  };
}

function describeRule({ name, verdict, peers, ports }: ClusterPolicyRule): string {
  const who = peers === undefined ? "all" : peers.map(describePeer).join(" or ");
  const where = ports?.map(({ protocol, port }) =>
    typeof port === "object" ? `${protocol}:${port.from}-${port.to}` : `${protocol}:${port}`,
  );
  return `${name === undefined ? "" : `${name}: `}${verdict} ${who} at ${where?.join(" or ") ?? "all"}`;
}

function describePeer(peer: ClusterPolicyPeer): string {
  if (peer.type === "network") return formatCidr(peer.cidr);
  if (peer.type === "domain") return peer.pattern;
  return peer.type === "nodes" ? `nodes ${peer.nodes.text}` : peer.selection.key;
}

const RIGHT = { tier: "Admin", priority: 5, subject: { namespaces: {} } };
const NAMESPACE = { namespaces: { matchLabels: { a: "b" } } };
const tcp = (number: unknown) => ({ tcp: { destinationPort: { number } } });
const egress = (action: unknown, to: unknown, protocols?: unknown) =>
  read({ ...RIGHT, egress: [{ action, to, ...(protocols !== undefined && { protocols }) }] });
/** What a rule of the action is when nobody can read it. */
const CLOSED = { Accept: "accept  at all", Deny: "deny all at all", Pass: "deny all at all" } as const;
const ACTIONS = ["Accept", "Deny", "Pass"] as const;

describe("a ClusterNetworkPolicy, read", () => {
  it("has a tier, a priority and the pods that it is for", () => {
    const pods = { namespaceSelector: { matchLabels: { a: "b" } }, podSelector: { matchLabels: { app: "web" } } };
    const shapes: readonly (readonly [unknown, string])[] = [
      [RIGHT, "admin 5 {}/"],
      [{ ...RIGHT, tier: "Baseline", priority: 0, subject: NAMESPACE }, "baseline 0 {a=b}/"],
      [{ ...RIGHT, priority: 1000, subject: { pods } }, "admin 1000 {a=b}/app=web"],
      [{ ...RIGHT, ingress: null, egress: [] }, "admin 5 {}/"],
    ];
    for (const [spec, head] of shapes) assert.deepEqual(read(spec), { head, ingress: [], egress: [], problems: [] });
  });

  it("has peers of every kind, and ports by number, range and name", () => {
    const pods = { namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } };
    const { ingress, problems } = read({
      ...RIGHT,
      ingress: [
        { name: "one", action: "Deny", from: [NAMESPACE, { pods }, { pods: { podSelector: {} } }] },
        { action: "Pass", from: [NAMESPACE], protocols: [{ destinationNamedPort: "http" }] },
      ],
    });
    assert.deepEqual(ingress, [
      "one: deny {a=b}/ or {}/app=web or {}/ at all",
      "pass {a=b}/ at 6:http or 17:http or 132:http",
    ]);
    const protocols = [
      tcp(80),
      { udp: { destinationPort: { range: { start: 1, end: 65535 } } } },
      { sctp: { destinationPort: { number: 65535 } } },
    ];
    const to = [{ nodes: { matchLabels: { zone: "a" } } }, { networks: ["10.0.0.7/8", "::/0"] }, { nodes: {} }];
    const said = egress("Accept", to, protocols);
    assert.deepEqual(said.egress, [
      "accept nodes zone=a or 10.0.0.0/8 or ::/0 or nodes  at 6:80-80 or 17:1-65535 or 132:65535-65535",
    ]);
    assert.deepEqual([...problems, ...said.problems], []);
  });
});

describe("a malformed ClusterNetworkPolicy", () => {
  it("has no rule of which a part is not understood: Accept matches nothing, Deny and Pass deny everything", () => {
    const range = (start: unknown, end: unknown) => ({ udp: { destinationPort: { range: { start, end } } } });
    const wrong: readonly (readonly [unknown, unknown, string])[] = [
      [undefined, undefined, "to is absent; a list of one at least is expected"],
      [[], undefined, "to is []; a list of one at least is expected"],
      [{}, undefined, "to is {}; a list is expected"],
      [
        [NAMESPACE, {}],
        undefined,
        "to[1] has nothing of what is expected: exactly one of namespaces, pods, nodes, networks, domainNames",
      ],
      [
        [{ ...NAMESPACE, nodes: {} }],
        undefined,
        "to[0] has more than what is expected: exactly one of namespaces, pods, nodes, networks, domainNames",
      ],
      [
        [{ accounts: {} }],
        undefined,
        "to[0].accounts is unknown; nothing but namespaces, pods, nodes, networks, domainNames is expected",
      ],
      [
        [{ namespaces: { a: "b" } }],
        undefined,
        "to[0].namespaces.a is unknown; nothing but matchLabels, matchExpressions is expected",
      ],
      [[{ pods: { namespaceSelector: {} } }], undefined, "to[0].pods.podSelector is absent; an object is expected"],
      [
        [{ networks: ["10.0.0.0"] }],
        undefined,
        'to[0].networks[0] is "10.0.0.0"; a network such as 10.0.0.0/8 or fd00::/8 is expected',
      ],
      [[{ networks: [] }], undefined, "to[0].networks is []; a list of one at least is expected"],
      [[NAMESPACE], [], "protocols is []; a list of one at least is expected"],
      [
        [NAMESPACE],
        [tcp(80), {}],
        "protocols[1] has nothing of what is expected: exactly one of tcp, udp, sctp, destinationNamedPort",
      ],
      [
        [NAMESPACE],
        [{ icmp: {} }],
        "protocols[0].icmp is unknown; nothing but tcp, udp, sctp, destinationNamedPort is expected",
      ],
      [[NAMESPACE], [{ tcp: {} }], "protocols[0].tcp has nothing of what is expected: destinationPort"],
      [
        [NAMESPACE],
        [tcp(0)],
        "protocols[0].tcp.destinationPort.number is 0; a whole number from 1 to 65535 is expected",
      ],
      [
        [NAMESPACE],
        [range(80, 80)],
        "protocols[0].udp.destinationPort.range.end is 80; a whole number from 81 to 65535 is expected",
      ],
      [
        [NAMESPACE],
        [range(undefined, 80)],
        "protocols[0].udp.destinationPort.range.start is absent; a whole number from 1 to 65534 is expected",
      ],
      [
        [NAMESPACE],
        [{ destinationNamedPort: "HTTP" }],
        'protocols[0].destinationNamedPort is "HTTP"; the name of a container\'s port such as http is expected',
      ],
      [
        [{ nodes: {} }],
        [{ destinationNamedPort: "http" }],
        "protocols names a port beside peers that are no pods, which name none; write the port's number",
      ],
    ];
    for (const action of ACTIONS)
      for (const [to, protocols, problem] of wrong) {
        const said = egress(action, to, protocols);
        assert.deepEqual([said.egress, said.problems], [[CLOSED[action]], [`spec.egress[0].${problem}`]]);
      }
  });

  it("keeps the numbers of the rules behind one that nobody can read", () => {
    const right = { action: "Accept", to: [NAMESPACE] };
    for (const wrong of [null, "all", { action: "Deny" }, { ...right, action: "Log" }]) {
      const said = read({ ...RIGHT, egress: [right, wrong, { ...right, name: "third" }] });
      assert.deepEqual(said.egress, ["accept {a=b}/ at all", "deny all at all", "third: accept {a=b}/ at all"]);
      assert.ok(
        said.problems.every((problem) => problem.startsWith("spec.egress[1]")),
        said.problems.join(),
      );
    }
  });

  it("has domain names as peers of what it accepts, whatever their case, and of nothing else", () => {
    const names = [{ domainNames: ["*.Kubernetes.IO", "a_b.c."] }, { networks: ["10.0.0.0/8"] }];
    const { egress: rules, problems } = egress("Accept", names, [tcp(443)]);
    assert.deepEqual(rules, ["accept *.kubernetes.io or a_b.c or 10.0.0.0/8 at 6:443-443"]);
    assert.deepEqual(problems, []);
    for (const action of ["Deny", "Pass"] as const) {
      const said = egress(action, names);
      assert.deepEqual(said.egress, [CLOSED[action]]);
      assert.deepEqual(said.problems, [
        "spec.egress[0].to[0].domainNames are for Accept rules alone, and the rule denies everything; write the addresses as networks",
      ]);
    }
    for (const name of ["kubernetes", "a.*.b", "*", "-a.b", 7, `a.${"b".repeat(300)}`])
      assert.match(
        egress("Accept", [{ domainNames: [name] }]).problems[0] ?? "",
        /domainNames\[0\] is .*; a domain's name/,
      );
  });

  it("denies by a rule of which nobody knows what it does, and takes no peers but pods for what comes in", () => {
    assert.deepEqual(egress("Log", [NAMESPACE]).egress, ["deny all at all"]);
    for (const peer of [{ nodes: {} }, { networks: ["10.0.0.0/8"] }, { domainNames: ["a.b"] }]) {
      const { ingress, problems } = read({ ...RIGHT, ingress: [{ action: "Accept", from: [peer] }] });
      assert.deepEqual([ingress, problems.length], [["accept  at all"], 1]);
    }
  });

  it("opens nothing where it is not clear for whom or when it is, and denies what it would deny or pass", () => {
    const rules = ACTIONS.map((action) => ({ action, to: [NAMESPACE], protocols: [tcp(80)] }));
    const closed = ["accept  at 6:80-80", "deny {a=b}/ at 6:80-80", "deny {a=b}/ at 6:80-80"];
    const wrong: readonly (readonly [object, string, string])[] = [
      [{ tier: "admin" }, "admin 5 {}/", 'spec.tier is "admin"; Admin or Baseline is expected'],
      [{ priority: 1001 }, "admin 0 {}/", "spec.priority is 1001; a whole number from 0 to 1000 is expected"],
      [{ priority: null }, "admin 0 {}/", "spec.priority is absent; a whole number from 0 to 1000 is expected"],
      [{ subject: {} }, "admin 5 {}/", "spec.subject has nothing of what is expected: exactly one of namespaces, pods"],
      [{ subject: null }, "admin 5 {}/", "spec.subject is absent; an object is expected"],
      [
        { until: "noon" },
        "admin 5 {}/",
        "spec.until is unknown; nothing but tier, priority, subject, ingress, egress is expected",
      ],
    ];
    for (const [part, head, problem] of wrong)
      assert.deepEqual(read({ ...RIGHT, egress: rules, ...part }), {
        head,
        ingress: [],
        egress: closed,
        problems: [problem],
      });
    assert.equal(read({ ...RIGHT, subject: { namespaces: { matchLabels: { a: 1 } } } }).head, "admin 5 {}/");
    assert.deepEqual(read({ ...RIGHT, egress: {} }).egress, ["deny all at all"]);
  });

  it("accepts nothing by rules behind the twenty-fifth", () => {
    const rules = Array.from({ length: 28 }, (_, i) => ({ action: ACTIONS[i % 3], to: [NAMESPACE] }));
    const said = read({ ...RIGHT, egress: rules });
    assert.deepEqual(said.egress.slice(24), [
      "accept {a=b}/ at all",
      "deny {a=b}/ at all",
      "deny {a=b}/ at all",
      "accept  at all",
    ]);
    assert.deepEqual(said.problems, [
      "spec.egress has 28 rules; at most 25 are expected, the others in another policy",
    ]);
  });

  it("never throws, and accepts nothing that is not right, whatever it holds", () => {
    const anything = fc.anything({ maxDepth: 3, withBigInt: true });
    const rule = fc.record({ action: fc.constantFrom(...ACTIONS), to: anything, protocols: anything });
    const spec = fc.record({
      tier: anything,
      priority: anything,
      subject: anything,
      egress: fc.array(rule, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.oneof(spec, anything), (one) => {
        const { egress: rules, problems } = read(one);
        assert.ok(problems.length > 0);
        for (const text of rules) assert.match(text, /^(.*: )?(accept {2}at|deny)/);
      }),
      { numRuns: 500 },
    );
  });
});
