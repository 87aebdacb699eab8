import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../bin/weirctl", import.meta.url));

const GROUND = `
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.10.1.0/24]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: n1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: db}}
    spec: {nodeName: n1, containers: [{name: db, ports: [{name: sql, containerPort: 5432}]}]}
`;
const POLICY = (app: string) => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: ${app}}}}], ports: [{port: sql}]}]
`;

describe("weirctl's tools for policies", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "weirctl-"));
    folder("before", POLICY("web"));
    folder("after", POLICY("cart"));
    folder("staged", POLICY("cart").replace("shop}", "shop, annotations: {policy.weir.dev/enforcement: staged}}"));
    folder("wrong", POLICY("web").replace("ports", "prots"));
  });
  after(() => rmSync(directory, { recursive: true }));

  function folder(name: string, policies: string): void {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "ground.yaml"), GROUND);
    writeFileSync(join(directory, name, "policies.yaml"), policies);
  }

  /** The executable itself, in the folder that has the folders. */
  function weirctl(argv: readonly string[], input = ""): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(LAUNCHER, argv, { cwd: directory, encoding: "utf8", input });
    return { code: status, out: stdout, err: stderr };
  }

  it("explain what a service leads to, by manifests that tell no address and no endpoints of it", () => {
    const service = `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 80, targetPort: sql}]}
`;
    folder("served", `${POLICY("web")}---${service}`);
    const { code, out, err } = weirctl(["explain", "shop/web", "svc/shop/db:80", "served"]);
    assert.equal(code, 0);
    assert.deepEqual(out.split("\n").slice(0, 2), [
      "shop/web -> service shop/db, 80/TCP at clusterIP 10.96.0.1: to 10.10.1.2:5432",
      "shop/web -> shop/db, 5432/TCP: allowed",
    ]);
    assert.match(err, /^weirctl: assumed: .* such as service shop\/db: endpoints by its selector\n$/);
    const [first] = JSON.parse(weirctl(["explain", "shop/web", "10.96.0.1:80", "served", "-o", "json"]).out);
    assert.deepEqual([first.service, first.endpoints[0].verdict], ["shop/db", "allow"]);
    const expectations = [
      "- {from: shop/web, to: svc/shop/db, port: 80, expect: allow, by: shop/db}",
      "- {from: shop/web, to: svc/shop/db, expect: deny}",
    ];
    writeFileSync(join(directory, "expect-service.yaml"), expectations.join("\n"));
    const tested = weirctl([
      "policy",
      "test",
      "expect-service.yaml",
      "--manifests",
      "served",
      "--junit",
      "service.xml",
    ]);
    assert.equal(tested.code, 1);
    assert.match(tested.out, /^ok 1 /m);
    assert.match(
      tested.out,
      /^not ok 2 (?:.*\n)+? *found: "shop\/web to service shop\/db at 80\/TCP, endpoint shop\/db: allow by shop\/db"/m,
    );
    const wrong = weirctl(["explain", "shop/web", "svc/shop/db:81", "served"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /svc\/shop\/db:81: the service has no such port; it has 80\/TCP\n$/);
  });

  it("explain what passes, what does not, and what is nearest", () => {
    const allowed = weirctl(["explain", "shop/web", "shop/db:sql", "before"]);
    assert.deepEqual(allowed, {
      code: 0,
      out: [
        "shop/web -> shop/db, 5432/TCP: allowed",
        "  egress of shop/web: allowed: no policy isolates it",
        "  ingress of shop/db: allowed by shop/db ingress[0]: from pods app=web of namespace shop, at sql/TCP",
        "",
      ].join("\n"),
      err: "weirctl: assumed: pod shop/db: of its workload, and 2 more, such as pod shop/web: address 10.10.1.3\n",
    });
    const denied = weirctl(["explain", "shop/web", "shop/db", "after"]);
    assert.equal(
      denied.out,
      [
        "shop/web -> shop/db, 5432/TCP: denied",
        "  egress of shop/web: allowed: no policy isolates it",
        "  ingress of shop/db: denied: shop/db isolates it, and no rule matches",
        "    shop/db ingress[0] would match if label app=web of pod shop/web were app=cart",
        "",
        "shop/web -> shop/db, any other port: denied",
        "  egress of shop/web: allowed: no policy isolates it",
        "  ingress of shop/db: denied: shop/db isolates it, and no rule matches",
        "    shop/db ingress[0] would match if label app=web of pod shop/web were app=cart and the port were 5432/TCP",
        "",
      ].join("\n"),
    );
    assert.equal(denied.code, 0);
    const [json] = JSON.parse(weirctl(["explain", "shop/web", "shop/db:5432", "after", "-o", "json"]).out);
    assert.deepEqual(json.by, [{ direction: "ingress", policy: "shop/db" }]);
  });

  it("say who is not there, and what is wrong with manifests, with exit code 1", () => {
    const { code, out, err } = weirctl(["explain", "shop/cart", "shop/db", "before"]);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /weirctl: shop\/cart: there is no such pod\n$/);
    const wrong = weirctl(["explain", "shop/web", "shop/db:5432", "wrong"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /NetworkPolicy shop\/db: spec.ingress\[0\].prots: is unknown/);
    assert.match(wrong.out, /5432\/TCP: denied/, "what is wrong fails closed");
    assert.match(weirctl(["matrix", "nowhere"]).err, /nowhere: cannot be read/);
    assert.equal(weirctl(["matrix", "nowhere"]).code, 1);
  });

  it("read manifests from stdin", () => {
    const { code, out } = weirctl(["explain", "shop/web", "shop/db:5432", "-"], `${GROUND}---${POLICY("web")}`);
    assert.equal(code, 0);
    assert.match(out, /^shop\/web -> shop\/db, 5432\/TCP: allowed\n/);
    const broken = weirctl(["matrix", "-"], "a: [");
    assert.equal(broken.code, 1);
    assert.match(broken.err, /stdin:1: is not YAML/);
  });

  it("show who may talk to whom, as a table and as JSON", () => {
    assert.equal(
      weirctl(["matrix", "before", "--port", "5432", "--port", "80"]).out,
      [
        "row sends to column: + passes, x is denied, . the pod itself",
        "",
        "5432/TCP",
        "            1 2",
        "1 shop/db   . +",
        "2 shop/web  + .",
        "",
        "80/TCP",
        "            1 2",
        "1 shop/db   . +",
        "2 shop/web  x .",
        "",
      ].join("\n"),
    );
    assert.match(weirctl(["matrix", "before", "--by", "workload"]).out, /5432\/TCP\n.*\n1 shop\/app=db {3}\. \+\n/);
    const { code, out } = weirctl(["matrix", "--port", "80/TCP", "-o", "json", "before"]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), [
      { from: "shop/db", to: "shop/db", port: "80/TCP", verdict: "allow", by: [] },
      { from: "shop/db", to: "shop/web", port: "80/TCP", verdict: "allow", by: [] },
      {
        from: "shop/web",
        to: "shop/db",
        port: "80/TCP",
        verdict: "deny",
        by: [{ direction: "ingress", policy: "shop/db" }],
      },
      { from: "shop/web", to: "shop/web", port: "80/TCP", verdict: "allow", by: [] },
    ]);
  });

  it("try expectations: TAP, JUnit, and exit code 1 when one is not met", () => {
    const file = join(directory, "expectations.yaml");
    const text = [
      "- {from: shop/web, to: shop/db, port: sql, expect: allow, by: shop/db}",
      "- name: 'nobody else #1'",
      "  from: 192.0.2.1",
      "  to: shop/app=db",
      "  expect: deny",
    ];
    writeFileSync(file, text.join("\n"));
    const held = weirctl(["policy", "test", "expectations.yaml", "--manifests", "before"]);
    assert.deepEqual(
      [held.code, held.out],
      [0, "TAP version 14\n1..2\nok 1 - shop/web to shop/db at sql: allow by shop/db\nok 2 - nobody else \\#1\n"],
    );
    const failed = weirctl(["policy", "test", "expectations.yaml", "--manifests", "after", "--junit", "junit.xml"]);
    assert.equal(failed.code, 1);
    assert.match(
      failed.out,
      /^not ok 1 - .*\n {2}---\n {2}at: "expectations.yaml:1"\n {2}expected: "allow by shop\/db"\n/m,
    );
    assert.match(
      failed.out,
      /nearest:\n {4}- "shop\/db ingress\[0\] would match if label app=web .*"\n {2}\.\.\.\nok 2/,
    );
    const junit = readFileSync(join(directory, "junit.xml"), "utf8");
    assert.match(junit, /<testsuite name="expectations.yaml" tests="2" failures="1" errors="0">/);
    assert.match(junit, /<failure message="shop\/web to shop\/db at 5432\/TCP \(IPv4\): deny by shop\/db">/);
    const [first] = JSON.parse(
      weirctl(["policy", "test", "expectations.yaml", "--manifests", "after", "-o", "json"]).out,
    );
    assert.deepEqual([first.line, first.failure.expected], [1, "allow by shop/db"]);
  });

  it("name what is wrong with an expectation, file and line, with exit code 2", () => {
    const of = (text: string) => {
      writeFileSync(join(directory, "bad.yaml"), text);
      const { code, err } = weirctl(["policy", "test", "bad.yaml", "--manifests", "before"]);
      assert.equal(code, 2);
      return err;
    };
    assert.match(
      of("- from: shop/web\n  to: shop/db\n  expect: maybe\n"),
      /bad.yaml:3: expect is "maybe"; allow or deny is expected/,
    );
    assert.match(
      of("- from: shop/web\n  to: shop/cart\n  expect: deny\n"),
      /bad.yaml:2: to is no pod of the manifests/,
    );
    assert.match(of("from: shop/web\n"), /bad.yaml:1: is no list/);
    assert.match(of(""), /bad.yaml: has no expectations/);
    assert.match(of("- [\n"), /bad.yaml:\d: is not YAML/);
    assert.match(of("- 5\n"), /bad.yaml:1: is no expectation/);
    assert.match(
      weirctl(["policy", "test", "absent.yaml", "--manifests", "before"]).err,
      /absent.yaml: cannot be read/,
    );
    writeFileSync(join(directory, "fine.yaml"), "- {from: shop/web, to: shop/db, expect: deny}\n");
    assert.equal(weirctl(["policy", "test", "fine.yaml", "--manifests", "wrong"]).code, 2, "a manifest is wrong");
  });

  it("leave expectation files out of the manifests that they stand beside", () => {
    writeFileSync(
      join(directory, "before", "expect.yaml"),
      "- {from: shop/web, to: shop/db, port: 5432, expect: allow}\n",
    );
    const { code, err } = weirctl(["policy", "test", "before/expect.yaml", "--manifests", "before"]);
    rmSync(join(directory, "before", "expect.yaml"));
    assert.equal(code, 0, err);
  });

  it("tell what would be, were all staging over, and compare it with what is", () => {
    const verdictOf = (...argv: readonly string[]) => /5432\/TCP: (\w+)/.exec(weirctl(argv).out)?.[1];
    assert.equal(verdictOf("explain", "shop/web", "shop/db:5432", "staged"), "allowed");
    assert.equal(verdictOf("explain", "shop/web", "shop/db:5432", "staged", "--staged"), "denied");
    const webToDb = (...argv: readonly string[]) =>
      JSON.parse(weirctl(["matrix", "--port", "5432", "-o", "json", "staged", ...argv]).out).find(
        ({ from, to }: { from: string; to: string }) => from === "shop/web" && to.startsWith("shop/db"),
      ).verdict;
    assert.deepEqual([webToDb(), webToDb("--staged")], ["allow", "deny"]);
    const { code, out } = weirctl(["policy", "diff", "--staged", "staged"]);
    assert.equal(code, 1);
    assert.match(out, /shop\/web/);
    assert.deepEqual(weirctl(["policy", "diff", "--staged", "before"]).code, 0);
    assert.equal(weirctl(["policy", "diff"]).code, 2);
    assert.equal(weirctl(["policy", "diff", "--staged", "before", "after"]).code, 2);
    assert.equal(weirctl(["explain", "shop/web", "shop/db", "--live", "--staged"]).code, 2);
  });

  it("compare two folders: exit code 1 where they differ, as text, JSON and Markdown", () => {
    assert.deepEqual((({ code, out }) => [code, out])(weirctl(["policy", "diff", "before", "before"])), [
      0,
      "no difference in connectivity\n",
    ]);
    const { code, out } = weirctl(["policy", "diff", "before", "after"]);
    assert.deepEqual([code, out], [1, "- passes no more: shop/web -> shop/db, 5432/TCP (shop/db (ingress))\n"]);
    assert.match(
      weirctl(["policy", "diff", "after", "before"]).out,
      /^\+ now passes: shop\/web -> shop\/db, 5432\/TCP \(shop\/db ingress\[0\]\)\n/,
    );
    assert.deepEqual(JSON.parse(weirctl(["policy", "diff", "before", "after", "-o", "json"]).out), {
      added: [],
      removed: [
        { from: "shop/web", to: "shop/db", port: "5432/TCP", by: [{ direction: "ingress", policy: "shop/db" }] },
      ],
      podsAdded: [],
      podsRemoved: [],
    });
    assert.match(
      weirctl(["policy", "diff", "before", "after", "-o", "markdown"]).out,
      /\n\| ➖ passes no more \| shop\/web \| shop\/db \| 5432\/TCP \| shop\/db \(ingress\) \|\n$/,
    );
    assert.equal(weirctl(["policy", "diff", "before", "wrong"]).code, 2);
  });

  it("lint policies: exit code 1 from a severity on", () => {
    assert.deepEqual((({ code, out, err }) => [code, out, err])(weirctl(["policy", "lint", "before"])), [
      0,
      "nothing found\n",
      "",
    ]);
    const { code, out } = weirctl(["policy", "lint", "after"]);
    assert.equal(code, 1);
    assert.match(
      out,
      /^warning: NetworkPolicy shop\/db: spec.ingress\[0\].from\[0\] selects no pod: .* \[peer-selects-nothing\]\n {4}compare/,
    );
    assert.match(out, /\n0 errors, 1 warning, 0 info\n$/);
    assert.equal(weirctl(["policy", "lint", "after", "--fail-on", "error"]).code, 0);
    const [first] = JSON.parse(weirctl(["policy", "lint", "wrong", "-o", "json"]).out);
    assert.deepEqual([first.severity, first.check, first.field], ["error", "malformed", "spec.ingress[0].prots"]);
  });
});
