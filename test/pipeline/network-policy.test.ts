import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCidr } from "#base/address.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { NetworkPolicy, PolicyRule } from "#pipeline/model/policy.ts";

/** A policy as a person would say it: "shop/app=web", "in from {}/ or 10.0.0.0/8-10.1.0.0/16 at 6:80-90". */
function read(spec: unknown) {
  const object = { metadata: { uid: "u", generation: 3 }, spec };
  const { value, problems } = ingest("test", { kind: "NetworkPolicy", key: "shop/p", object });
  const policy = value as NetworkPolicy;
  const rules = (list: readonly PolicyRule[] | undefined) => (list === undefined ? "open" : list.map(describeRule));
  return {
    subject: policy.subject.key,
    ...{ ingress: rules(policy.ingress), egress: rules(policy.egress) },
    problems: problems.map(({ field, message }) => `${field} ${message}`),
  };
}

function describeRule({ peers, ports }: PolicyRule): string {
  const who = peers?.map((peer) =>
    peer.type === "pods" ? peer.selection.key : [peer.cidr, ...peer.except].map(formatCidr).join("-"),
  );
  const where = ports?.map(({ protocol, port }) =>
    typeof port === "object" ? `${protocol}:${port.from}-${port.to}` : `${protocol}:${port ?? "*"}`,
  );
  return `${who?.join(" or ") ?? "all"} at ${where?.join(" or ") ?? "all"}`;
}

/** A rule from nobody at no port. */
const NOTHING = " at ";
const peers = (...from: readonly unknown[]) => read({ ingress: [{ from }] });
const ports = (...list: readonly unknown[]) => read({ ingress: [{ ports: list }] });
const selects = (podSelector: unknown) => read({ podSelector });

describe("a NetworkPolicy, read", () => {
  it("isolates in ingress always, in egress where it says something of it, unless policyTypes says otherwise", () => {
    const shapes: readonly (readonly [unknown, unknown, unknown])[] = [
      [{}, [], "open"],
      [undefined, [], "open"],
      [{ podSelector: {}, policyTypes: [] }, [], "open"],
      [{ ingress: [], egress: [] }, [], "open"],
      [{ egress: [{}] }, [], ["all at all"]],
      [{ policyTypes: ["Ingress"], egress: [{}] }, [], "open"],
      [{ policyTypes: ["Egress"], ingress: [{}] }, "open", []],
      [{ policyTypes: ["Egress", "Ingress"], ingress: [{}] }, ["all at all"], []],
    ];
    for (const [spec, ingress, egress] of shapes)
      assert.deepEqual(read(spec), { subject: "shop/", ingress, egress, problems: [] }, JSON.stringify(spec));
  });

  it("keeps what identifies it", () => {
    const object = { metadata: { uid: "u", generation: 3 } };
    const { namespace, name, uid, generation } = ingest("test", { kind: "NetworkPolicy", key: "shop/p", object })
      .value as NetworkPolicy;
    assert.deepEqual([namespace, name, uid, generation], ["shop", "p", "u", 3]);
  });

  it("takes every operator, and selectors that say the same for one", () => {
    const expressions = [
      { key: "example.com/tier", operator: "NotIn", values: ["b", "a", "b"] },
      { key: "old", operator: "DoesNotExist" },
      { key: "app", operator: "In", values: ["web"] },
      { key: "new", operator: "Exists", values: [] },
      { key: "color", operator: "In", values: ["red", ""] },
    ];
    const said = selects({ matchExpressions: expressions, matchLabels: { app: "web" } });
    assert.deepEqual(
      [said.subject, said.problems],
      ["shop/!old,app=web,color in (,red),example.com/tier notin (a,b),new", []],
    );
    assert.equal(selects({ matchExpressions: expressions.toReversed() }).subject, said.subject);
    assert.equal(selects({ matchLabels: null, matchExpressions: null }).subject, "shop/");
  });

  it("finds peers in its own namespace, in all pods of others, in both, and in networks", () => {
    const { ingress, problems } = peers(
      { podSelector: {} },
      { podSelector: { matchLabels: { app: "web" } }, namespaceSelector: null },
      { namespaceSelector: {} },
      { namespaceSelector: { matchLabels: { env: "test" } }, podSelector: { matchLabels: { app: "web" } } },
      { ipBlock: { cidr: "10.0.0.7/8", except: ["10.1.0.0/16", "10.2.3.4/32"] } },
      { ipBlock: { cidr: "::/0", except: null } },
    );
    const networks = "10.0.0.0/8-10.1.0.0/16-10.2.3.4/32 or ::/0";
    assert.deepEqual(ingress, [`shop/ or shop/app=web or {}/ or {env=test}/app=web or ${networks} at all`]);
    assert.deepEqual(problems, []);
  });

  it("takes ports by number, range and name, of each protocol, TCP where none is named", () => {
    const { ingress, problems } = ports(
      ...[{}, { port: 80 }, { port: "http", protocol: "UDP" }, { protocol: "SCTP" }],
      ...[
        { port: 1, endPort: 65535 },
        { port: 9, endPort: 9, protocol: null },
      ],
    );
    assert.deepEqual(ingress, ["all at 6:* or 6:80-80 or 17:http or 132:* or 6:1-65535 or 6:9-9"]);
    assert.deepEqual(problems, []);
  });

  it("takes an empty list of peers or ports for everybody and everything", () => {
    const spec = {
      egress: [{ to: [], ports: [] }, { to: null }, { ports: [{ port: 1 }] }, { to: [{ podSelector: {} }] }],
    };
    assert.deepEqual(read(spec).egress, ["all at all", "all at all", "all at 6:1-1", "shop/ at all"]);
  });
});

describe("another version of a NetworkPolicy", () => {
  const block = (cidr: unknown, more: object = {}) => ({ ipBlock: { cidr, ...more } });
  const readVersion = (from: readonly unknown[], former?: NetworkPolicy) => {
    const object = { spec: { ingress: [{ from }] } };
    return ingest("test", { kind: "NetworkPolicy", key: "shop/p", object }, former);
  };
  const peersOf = (policy: unknown) => (policy as NetworkPolicy).ingress?.[0]?.peers ?? [];

  it("says what it would say without a former one, whatever that was", () => {
    const networks = [
      "10.0.0.1/32",
      "10.0.0.2/32",
      "10.0.0.0/8",
      "10.9.9.9/8",
      "fd00::/16",
      "FD00:0::/16",
      "::1.2.3.4/128",
    ];
    const peer = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...networks).map((cidr) => block(cidr)) },
      fc.constantFrom<unknown>(
        ...[block("10.0.0.0/8", { except: [] }), block("10.0.0.0/8", { except: ["10.1.0.0/16"] }), block("10.0.0.0")],
        ...[{ podSelector: {} }, { ...block("10.0.0.0/8"), podSelector: {} }, block("::/0", { cidrs: [] }), null, {}],
      ),
    );
    const list = fc.array(peer, { maxLength: 50 });
    fc.assert(
      fc.property(list, list, fc.nat(50), fc.nat(50), (one, other, from, to) => {
        const former = readVersion(one).value as NetworkPolicy;
        // A wholly other list, and one of which most is as it was.
        for (const next of [other, [...one.slice(0, from), ...other.slice(0, 3), ...one.slice(to)]])
          assert.deepEqual(readVersion(next, former), readVersion(next));
      }),
    );
  });

  it("shares with the former one what is as it was, however it is written", () => {
    const list = Array.from({ length: 2000 }, (_, i) =>
      block(i % 2 === 0 ? `10.0.${i >> 8}.${i & 255}/32` : `FD00::0:${i}/128`),
    );
    const former = readVersion(list).value as NetworkPolicy;
    for (const next of [
      list.with(7, block("192.0.2.1/32")),
      list.toSpliced(1000, 2),
      list.toSpliced(3, 0, block("::/0")),
    ]) {
      const known = new Set(peersOf(former));
      const fresh = peersOf(readVersion(next, former).value).filter((one) => !known.has(one));
      assert.ok(fresh.length <= 1, `${fresh.length}`);
    }
  });
});

describe("a malformed NetworkPolicy", () => {
  it("leaves out a peer that is wrong, and allows nobody when all are", () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [null, " is null; an object is expected"],
      ["10.0.0.0/8", ' is "10.0.0.0/8"; an object is expected'],
      [{}, " names nobody; one of podSelector, namespaceSelector and ipBlock is expected"],
      [
        { nodeSelector: {} },
        ".nodeSelector is unknown; nothing but podSelector, namespaceSelector, ipBlock is expected",
      ],
      [
        { podSelector: { app: "x" } },
        ".podSelector.app is unknown; nothing but matchLabels, matchExpressions is expected",
      ],
      [{ podSelector: 1 }, ".podSelector is 1; an object is expected"],
      [
        { podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } },
        ".ipBlock stands beside a selector; a peer of its own is expected",
      ],
      [{ ipBlock: {} }, ".ipBlock.cidr is absent; a network such as 10.0.0.0/8 or fd00::/8 is expected"],
      [
        { ipBlock: { cidr: "10.0.0.1" } },
        '.ipBlock.cidr is "10.0.0.1"; a network such as 10.0.0.0/8 or fd00::/8 is expected',
      ],
      [{ ipBlock: { cidr: "::/0", except: "::1" } }, '.ipBlock.except is "::1"; a list is expected'],
    ];
    for (const [peer, problem] of wrong) {
      const { ingress, problems } = peers({ podSelector: {} }, peer);
      assert.deepEqual([ingress, problems], [["shop/ at all"], [`spec.ingress[0].from[1]${problem}`]]);
      assert.deepEqual(peers(peer).ingress, [" at all"]);
    }
  });

  it("refuses exceptions that are not within their block, and the block with them", () => {
    for (const except of ["11.0.0.0/16", "10.0.0.0/8", "10.0.0.0/7", "fd00::/16"]) {
      const { ingress, problems } = peers({ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", except] } });
      const expected = `is "${except}"; a smaller network inside of 10.0.0.0/8 is expected`;
      assert.deepEqual([ingress, problems], [[" at all"], [`spec.ingress[0].from[0].ipBlock.except[1] ${expected}`]]);
    }
  });

  it("leaves out a port that is wrong, and allows none when all are", () => {
    const port = "a port from 1 to 65535, or the name of one such as http, is expected";
    const wrong: readonly (readonly [unknown, string])[] = [
      ...[0, 65536, 1.5, true, "80", "HTTP", "a--b", "-a", "sixteen-letters-x", ""].map(
        (value) => [{ port: value }, `.port is ${JSON.stringify(value)}; ${port}`] as const,
      ),
      [{ protocol: "tcp" }, '.protocol is "tcp"; TCP or UDP or SCTP is expected'],
      [{ port: 80, endPort: 79 }, ".endPort is 79; a whole number from 80 to 65535 is expected"],
      [{ port: 80, endPort: 65536 }, ".endPort is 65536; a whole number from 80 to 65535 is expected"],
      [{ port: "http", endPort: 90 }, ".endPort is 90; nothing where port is no number is expected"],
      [{ endPort: 90 }, ".endPort is 90; nothing where port is no number is expected"],
      [{ ports: 80 }, ".ports is unknown; nothing but protocol, port, endPort is expected"],
      [[], " is []; an object is expected"],
    ];
    for (const [one, problem] of wrong) {
      const { ingress, problems } = ports({ port: 1 }, one);
      assert.deepEqual([ingress, problems], [["all at 6:1-1"], [`spec.ingress[0].ports[1]${problem}`]]);
      assert.deepEqual(ports(one).ingress, ["all at "]);
    }
  });

  it("allows nothing by a rule that is wrong, though what is wrong is only a misspelt field; the others keep their numbers", () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [null, "ingress[1] is null; an object is expected"],
      [{ to: [] }, "ingress[1].to is unknown; nothing but from, ports is expected"],
      [{ from: {} }, "ingress[1].from is {}; a list is expected"],
      [{ ports: 80 }, "ingress[1].ports is 80; a list is expected"],
    ];
    for (const [rule, problem] of wrong) {
      const { ingress, problems } = read({ ingress: [{ ports: [{ port: 1 }] }, rule, { ports: [{ port: 2 }] }] });
      assert.deepEqual([ingress, problems], [["all at 6:1-1", NOTHING, "all at 6:2-2"], [`spec.${problem}`]]);
    }
    assert.deepEqual(read({ ingress: {} }).ingress, []);
  });

  it("refuses selectors as the API server does, isolates all pods then, and lets nothing in by them", () => {
    const value = "a label's value: at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last,";
    const key = "a label's key such as app or example.com/app";
    const expression = (one: unknown) => ({ matchExpressions: [one] });
    const wrong: readonly (readonly [unknown, string])[] = [
      [[], "is []; an object"],
      [{ matchLabels: { app: 1 } }, ".matchLabels[app] is 1; a string"],
      [{ matchLabels: { app: "-" } }, `.matchLabels[app] is "-"; ${value}`],
      [{ matchLabels: { "a b": "" } }, `.matchLabels[a b] is under no such key; ${key}`],
      [expression({ key: "A/b", operator: "Exists" }), `.matchExpressions[0].key is "A/b"; ${key}`],
      [expression({ operator: "Exists" }), `.matchExpressions[0].key is absent; ${key}`],
      [
        expression({ key: "a", operator: "in" }),
        '.matchExpressions[0].operator is "in"; one of In, NotIn, Exists, DoesNotExist',
      ],
      [expression({ key: "a", operator: "In", values: [] }), ".matchExpressions[0].values is []; one value at least"],
      [expression({ key: "a", operator: "NotIn" }), ".matchExpressions[0].values is absent; one value at least"],
      [
        expression({ key: "a", operator: "Exists", values: ["b"] }),
        '.matchExpressions[0].values is ["b"]; nothing beside the operator Exists',
      ],
      [
        expression({ key: "a", operator: "In", values: [`${"x".repeat(64)}`] }),
        `.matchExpressions[0].values[0] is "${"x".repeat(64)}"; ${value}`,
      ],
      [expression(null), ".matchExpressions[0] is null; an object"],
    ];
    for (const [podSelector, problem] of wrong) {
      const said = read({ podSelector, policyTypes: ["Ingress"], ingress: [{}] });
      const where = `spec.podSelector${problem.startsWith(".") ? "" : " "}${problem} is expected`;
      assert.deepEqual(said, { subject: "shop/", ingress: [], egress: "open", problems: [where] });
    }
  });

  it("isolates in both directions when its types cannot be read, and lets through what is certainly meant", () => {
    const rules = { ingress: [{}], egress: [{}] };
    const types = (policyTypes: unknown) => read({ policyTypes, ...rules });
    const { problems, ...said } = types(["Egress", "ingress"]);
    assert.deepEqual(said, { subject: "shop/", ingress: [], egress: ["all at all"] });
    assert.deepEqual(problems, ['spec.policyTypes[1] is "ingress"; Ingress or Egress is expected']);
    for (const policyTypes of ["Ingress", [null]]) {
      const { ingress, egress } = types(policyTypes);
      assert.deepEqual([ingress, egress], [[], []]);
    }
    assert.equal(types(["Ingress", "Ingress", "Ingress"]).egress.length, 0);
  });

  it("closes its namespace when it has a field that nobody knows, or is no policy at all", () => {
    for (const spec of [{ podSelectr: { a: "b" }, policyTypes: ["Ingress"], ingress: [{}] }, "all", []]) {
      const { problems, ...said } = read(spec);
      assert.deepEqual(said, { subject: "shop/", ingress: [], egress: [] });
      assert.equal(problems.length, 1);
    }
  });

  it("names each thing that is wrong with it, in rules that have no effect too", () => {
    const { problems } = read({
      policyTypes: ["Ingress"],
      ingress: [{ from: [{}], ports: [{ port: 0 }] }],
      egress: [{ to: [{ ipBlock: { cidr: "x" } }] }],
    });
    assert.deepEqual(
      problems.map((problem) => problem.split(" ")[0]),
      ["spec.ingress[0].from[0]", "spec.ingress[0].ports[0].port", "spec.egress[0].to[0].ipBlock.cidr"],
    );
  });

  it("means what it would mean without the wrong parts, whatever they are", () => {
    const wrong = fc.oneof(
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer())),
      fc.record({ unheardOf: fc.anything() }),
    );
    /** The list as written, and what is said of its right members. */
    const listOf = (right: readonly (readonly [unknown, string])[]) =>
      fc.array(fc.oneof(fc.constantFrom(...right), fc.tuple(wrong, fc.constant(undefined))), {
        minLength: 1,
        maxLength: 4,
      });
    const peer = listOf([
      [{ podSelector: {} }, "shop/"],
      [{ namespaceSelector: {} }, "{}/"],
      [{ ipBlock: { cidr: "10.0.0.0/8" } }, "10.0.0.0/8"],
    ]);
    const port = listOf([
      [{ port: 80 }, "6:80-80"],
      [{ protocol: "UDP" }, "17:*"],
      [{ port: "http" }, "6:http"],
    ]);
    const rule = fc.tuple(peer, port).map(([peers, ports]) => {
      const written = { from: peers.map(([part]) => part), ports: ports.map(([part]) => part) };
      const said = [peers, ports].map((list) => list.flatMap(([, words]) => words ?? []).join(" or ")).join(" at ");
      return [written, said] as const;
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(rule, fc.tuple(wrong, fc.constant(undefined))), { maxLength: 3 }), (rules) => {
        const { ingress } = read({ ingress: rules.map(([written]) => written) });
        assert.deepEqual(
          ingress,
          rules.map(([, said]) => said ?? NOTHING),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("never throws, and isolates in one direction at least, whatever it holds", () => {
    const fields = [
      "matchLabels",
      "matchExpressions",
      "key",
      "operator",
      "values",
      "cidr",
      "except",
      "port",
      "endPort",
    ];
    const anything = fc.anything({
      key: fc.oneof(fc.constantFrom(...fields, "podSelector", "ipBlock", "protocol", "toString"), fc.string()),
      ...{ maxDepth: 4, withBigInt: true, withMap: true, withDate: true, withNullPrototype: true },
    });
    const list = fc.oneof(fc.array(fc.record({ from: fc.array(anything), ports: fc.array(anything) })), anything);
    const spec = fc.record(
      {
        podSelector: anything,
        policyTypes: fc.oneof(fc.subarray(["Ingress", "Egress"]), anything),
        ingress: list,
        egress: list,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: spec }, anything), (one) => {
        const { ingress, egress } = read(one);
        assert.ok(Array.isArray(ingress) || Array.isArray(egress));
      }),
      { numRuns: 1000 },
    );
  });
});
