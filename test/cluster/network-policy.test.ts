import assert from "node:assert/strict";
import fc from "fast-check";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { NetworkPolicy } from "#pipeline/model/policy.ts";
import type { Kube } from "../rig/kube.ts";
import { startKubeOrSkip } from "./start.ts";

/** Mostly values that the API server takes, so that a policy with one that it refuses is otherwise right. */
function mostly<T>(taken: readonly T[], refused: readonly T[]): fc.Arbitrary<T> {
  const choices = [
    { weight: 20, arbitrary: fc.constantFrom(...taken) },
    { weight: 1, arbitrary: fc.constantFrom(...refused) },
  ];
  return fc.oneof(...choices);
}
const listOf = (one: fc.Arbitrary<unknown>) => fc.array(one, { maxLength: 2 });

const long = "x".repeat(63);
const labelValue = mostly<unknown>(["web", "", "a.b_c-D", long], [`${long}x`, "-a", "a b", "ü", 7, true]);
const labelKey = mostly(
  ["app", "example.com/app", "x_y", long],
  ["Example.com/app", "a/b/c", "", "/a", "-a", `${long}x`, "a..b/x"],
);
const expression = fc.oneof(
  fc.record({
    key: labelKey,
    operator: mostly<unknown>(["In", "NotIn"], ["Exists", "in", 1]),
    values: fc.array(labelValue, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: labelKey, operator: mostly(["Exists", "DoesNotExist"], ["In", "NotIn", ""]) }),
);
const selector = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record(
      {
        matchLabels: fc.dictionary(labelKey, labelValue, { maxKeys: 2 }),
        matchExpressions: fc.array(expression, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  },
  fc.constantFrom<unknown>([], "app=web", { misspelt: {} }, null),
);
const blocks: readonly (readonly [string, readonly string[]])[] = [
  ["10.0.0.0/8", ["10.1.0.0/16", "10.1.2.3/32"]],
  ["0.0.0.0/0", ["10.0.0.0/8", "0.0.0.0/1"]],
  ["fd00::/8", ["fd00:1::/32", "fd00::1/128"]],
  ["::/0", ["fd00::/8"]],
];
const noNetworks: readonly unknown[] = ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129", "", 10];
const ipBlock = fc.constantFrom(...blocks).chain(([cidr, except]) =>
  fc.record(
    {
      cidr: mostly<unknown>([cidr], [...noNetworks, "10.0.0.0/08"]),
      except: fc.array(mostly<unknown>(except, [...noNetworks, "11.0.0.0/16", cidr, "fe00::/8"]), { maxLength: 2 }),
    },
    { requiredKeys: ["cidr"] },
  ),
);
const peer = fc.oneof(
  { weight: 8, arbitrary: fc.record({ podSelector: selector }) },
  { weight: 8, arbitrary: fc.record({ namespaceSelector: selector, podSelector: selector }) },
  { weight: 8, arbitrary: fc.record({ ipBlock }) },
  fc.constantFrom<unknown>({}, { ipBlock: { cidr: "10.0.0.0/8" }, podSelector: {} }, { misspelt: {} }, "all"),
);
const port = fc.oneof(
  { weight: 8, arbitrary: fc.record({ port: mostly<unknown>([1, 80, 65535], [0, 65536, -1, "80", 1.5]) }) },
  { weight: 4, arbitrary: fc.record({ port: fc.constant(80), endPort: mostly([80, 90, 65535], [79, 65536, 0]) }) },
  {
    weight: 8,
    arbitrary: fc.record(
      {
        protocol: mostly<unknown>(["TCP", "UDP", "SCTP", null], ["tcp", "ICMP", 6]),
        port: mostly<unknown>(["http", "a-1", "fifteen-letters", null], ["a--b", "Http", "sixteen-letters-", "1", ""]),
      },
      { requiredKeys: [] },
    ),
  },
  fc.constantFrom<unknown>({ endPort: 80 }, { port: "http", endPort: 80 }, { misspelt: 1 }, 80),
);
const rule = (peers: string) =>
  fc.record({ [peers]: listOf(peer), ports: listOf(port) }, { requiredKeys: [] }).chain((right) =>
    mostly<unknown>(
      [right],
      [
        { ...right, misspelt: [] },
        { ...right, ports: 80 },
      ],
    ),
  );
const spec = fc.record(
  {
    podSelector: selector,
    policyTypes: fc
      .subarray(["Ingress", "Egress"])
      .chain((types) => mostly<unknown>([types], [[...types, "ingress"], [1]])),
    ingress: listOf(rule("from")),
    egress: listOf(rule("to")),
  },
  { requiredKeys: [] },
);

/**
 * Two things are left out on purpose. A null in place of a value is nothing to the server, and to us a part that is wrong;
 * host bits in a cidr are refused by new servers, while older ones hold such policies, and what they mean is plain.
 */
describe("a NetworkPolicy, as read here and by the real API server", () => {
  let kube: Kube;

  before(async function () {
    kube = await startKubeOrSkip(this);
  });
  after(() => kube?.stop());

  const read = (object: unknown) => {
    const { value, problems } = ingest("test", { kind: "NetworkPolicy", key: "default/p", object });
    const { subject, ingress, egress } = value as NetworkPolicy;
    return { said: { subject, ingress, egress }, problems };
  };

  it("is refused by both or by none, and means the same before and after the server's defaults", async function () {
    this.timeout(120_000);
    const tally = { taken: 0, refused: 0 };
    const property = fc.asyncProperty(spec, async (one) => {
      const object = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "p" }, spec: one };
      const path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies?dryRun=All&fieldValidation=Strict";
      const { status, body } = await kube.request("POST", path, object);
      const { said, problems } = read(object);
      assert.equal(
        problems.length === 0,
        status === 201,
        `${status} ${JSON.stringify(body)} ${JSON.stringify(problems)}`,
      );
      tally[status === 201 ? "taken" : "refused"]++;
      if (status === 201) assert.deepEqual(read(body).said, said);
    });
    await fc.assert(property, { numRuns: 800 });
    assert.ok(tally.taken > 50 && tally.refused > 50, JSON.stringify(tally));
  });
});
