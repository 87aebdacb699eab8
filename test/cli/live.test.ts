import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "#base/log.ts";
import { startControlServer } from "#controller/node/http/control-server.ts";
import type { NodeView } from "#controller/node/http/node-view.ts";
import type { Listening } from "#controller/process/listening.ts";
import type { Explanation } from "#pipeline/explain/explain.ts";
import type { ServiceExplanation } from "#pipeline/explain/services.ts";
import {
  ignoredService,
  sampleConnection,
  sampleDenial,
  sampleFlow,
  sampleGroup,
  samplePolicy,
  sampleService,
  sampleView,
} from "#test/http/sample-view.ts";
import { type Outcome, weirctl } from "./run.ts";

describe("weirctl against a running node", () => {
  let directory: string;
  let socket: string;
  let server: Listening | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weirctl-"));
    socket = join(directory, "control.sock");
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    await rm(directory, { recursive: true });
  });

  async function ask(argv: readonly string[], changes: Partial<NodeView> = {}, input = ""): Promise<Outcome> {
    server ??= await startControlServer({ socket, view: sampleView(changes), log: silentLog });
    return weirctl([...argv, "--socket", socket], input);
  }

  it("shows the status, with exit code 1 when the node is not ready", async () => {
    let ready = true;
    const status = () => ({ ...sampleView().status(), ready });
    const { code, out } = await ask(["status"], { status });
    assert.match(out, /^announces +1 addresses\n {2}192\.0\.2\.10 +of service shop\/cart, on eth0$/m);
    assert.equal(code, 0);
    assert.match(out, /^node +n1\nready +yes\n {2}switch +ok\n {2}kubernetes +failed: no answer since 12 s\n/);
    assert.match(out, /source +kubernetes\n +without clusternetworkpolicies: the API server does not know them\n/);
    assert.match(out, /flows +40 desired, 39 installed, 1 failed\n$/);
    ready = false;
    assert.equal((await ask(["status"])).code, 1);
    assert.equal(JSON.parse((await ask(["status", "-o", "json"])).out).ready, false);
  });

  it("lists pods, nodes and problems as aligned tables", async () => {
    assert.equal(
      (await ask(["get", "pods"])).out,
      [
        "NAMESPACE  NAME  IPS                  PORT  INTERFACE        MAC                STATE",
        "default    web   10.10.1.5,fd00:1::5  7     weir0a1b2c3d4e5  0a:58:00:00:00:01  ready",
        "",
      ].join("\n"),
    );
    assert.match((await ask(["get", "nodes"])).out, /^NAME +ADDRESSES.*\nn1 .*self +1450\nn2 .*tunnel +-\n$/);
    assert.match(
      (await ask(["get", "problems"])).out,
      /Node n3 +spec.podCIDRs +pipeline +is empty; a network is needed/,
    );
    assert.deepEqual(JSON.parse((await ask(["get", "nodes", "-o", "json"])).out), sampleView().nodes());
  });

  it("lists policies with their hits, and one by name with each of its rules", async () => {
    assert.match(
      (await ask(["get", "policies"])).out,
      /^KIND +NAME .*\nNetworkPolicy +shop\/db +1 +ingress +2 +realised +2026-01-01T00:00:00\.000Z +12 +2026-01-01T00:00:02\.000Z +3 +ingress\[1\] +0\n$/,
    );
    const { code, out } = await ask(["get", "policies", "shop/db"]);
    assert.equal(code, 0);
    assert.match(out, /^NetworkPolicy +shop\/db\ngeneration +2\nstate +realised since 2026-01-01T00:00:00\.000Z\n/);
    assert.match(
      out,
      /^ingress\[0\] +accept from pods app=web of namespace shop, at 5432\/TCP: 12 packets, 1200 bytes, the last /m,
    );
    assert.match(
      out,
      /^ingress\[1\] +accept from 10\.0\.0\.0\/8, at every port: never hit since 2026-01-01T00:00:00\.000Z$/m,
    );
    assert.deepEqual(JSON.parse((await ask(["get", "policies", "-o", "json"])).out), [samplePolicy]);
    const absent = await ask(["get", "policies", "web"]);
    assert.deepEqual(
      [absent.code, absent.err],
      [1, "weirctl: policies: web selects no pod of this node, or is not there\n"],
    );
  });

  it("lists services with what is chosen, and one by name with its endpoints and why others are not", async () => {
    assert.match(
      (await ask(["get", "services"])).out,
      /^NAME .*\nshop\/db +ClusterIP +10\.96\.0\.10 +80\/TCP,53\/UDP +1\/2 +realised +5 +1\nshop\/peers .* ignored: it is headless /,
    );
    const { code, out } = await ask(["get", "services", "shop/db"]);
    assert.equal(code, 0);
    for (const line of [
      /^service +shop\/db$/m,
      /^session affinity +ClientIP for 100 s$/m,
      /^traffic policies +internal Cluster, external Local$/m,
      /^problem +spec\.ports\[2\] has no number$/m,
      /^clusterIP 10\.96\.0\.10 +80\/TCP \(web\): served by group 7, 5 packets$/m,
      /^clusterIP 10\.96\.0\.10 +53\/UDP \(dns\): refused: there is no endpoint, 0 packets$/m,
      /^80\/TCP \(web\) IPv4 +1 of 2 endpoints$/m,
      /^ {2}10\.10\.1\.5:8080 +this node, ready: chosen, 3 packets$/m,
      /^ {2}10\.10\.2\.5:8080 +node n2, serving, terminating: not chosen: it is going, and others are ready$/m,
    ])
      assert.match(out, line);
    assert.deepEqual(JSON.parse((await ask(["get", "services", "-o", "json"])).out), [sampleService, ignoredService]);
  });

  it("says with exit code 1 that a service is not here", async () => {
    const { code, err } = await ask(["get", "services", "web"], { services: async () => [] });
    assert.deepEqual([code, err], [1, "weirctl: services: web is not here\n"]);
  });

  it("shows groups with their owners and what each bucket got", async () => {
    const filters: unknown[] = [];
    const groups: NodeView["groups"] = async (filter) => {
      filters.push(filter);
      return [sampleGroup];
    };
    const { out } = await ask(["groups", "--owner", "service/shop/db"], { groups });
    assert.deepEqual(filters, [{ owner: "service/shop/db" }]);
    assert.equal(
      out,
      "group_id=7,type=select,bucket=bucket_id:1,actions=drop  # services/balance: service shop/db, packets of its buckets: 3 0\n",
    );
    assert.deepEqual(JSON.parse((await ask(["groups", "-o", "json"])).out), [sampleGroup]);
  });

  it("says with exit code 1 that the switch refused a policy, and why", async () => {
    const policies = async () => [{ ...samplePolicy, state: "failed" as const, reason: "table is full" }];
    const { code, out } = await ask(["get", "policies", "shop/db"], { policies });
    assert.equal(code, 1);
    assert.match(out, /^state +failed since .*: table is full$/m);
  });

  it("lists denials, and shows them as they come", async () => {
    const filters: unknown[] = [];
    const denials: NodeView["denials"] = (filter) => {
      filters.push(filter);
      return [sampleDenial];
    };
    const { out } = await ask(["get", "denials", "--pod", "web"], { denials });
    assert.deepEqual(filters, [{ pod: "default/web" }]);
    assert.match(
      out,
      /^TIME .*\n2026-\S+ +ingress +shop\/db +pod shop\/web \(10\.10\.2\.7\) +5432\/TCP +new +isolated by shop\/db, and no rule allows it\n$/,
    );
    assert.deepEqual(JSON.parse((await ask(["get", "denials", "-o", "json"])).out), [sampleDenial]);
    const line = "denied ingress from pod shop/web (10.10.2.7) at 5432/TCP: isolated by shop/db, and no rule allows it";
    assert.equal((await ask(["get", "denials", "-w"])).out, `${sampleDenial.time} shop/db ${line}\n`);
    assert.deepEqual(JSON.parse((await ask(["get", "denials", "-w", "-o", "json"])).out), sampleDenial);
  });

  it("lists connections that policies log, and shows them as they come", async () => {
    const { out } = await ask(["get", "connections"]);
    assert.match(
      out,
      /^TIME .*\n2026-\S+ +allow +egress +shop\/web +203\.0\.113\.9 +443\/TCP +shop\/web, egress rule 1\n$/,
    );
    assert.deepEqual(JSON.parse((await ask(["get", "connections", "-o", "json"])).out), [sampleConnection]);
    const line = "allow egress to 203.0.113.9 at 443/TCP: shop/web, egress rule 1";
    assert.equal((await ask(["get", "connections", "-w"])).out, `${sampleConnection.time} shop/web ${line}\n`);
    assert.match((await ask(["status"])).out, /^logged connections +5 told .*, 7 beyond the limit$/m);
  });

  it("gets one by name, and says when it is not there", async () => {
    assert.match((await ask(["get", "pods", "web"])).out, /default +web/);
    const { code, out, err } = await ask(["get", "pods", "shop/web"]);
    assert.deepEqual([code, out, err], [1, "", "weirctl: pods: shop/web is not here\n"]);
  });

  it("shows flows with reasons and counters, marking what is not as it should be", async () => {
    const failed = { ...sampleFlow, status: "failed", reason: "table is full" } as const;
    const { packets: _, ...uncounted } = failed;
    const foreign = { flow: "table=0, actions=drop", cookie: "0x0", owners: [], status: "foreign" } as const;
    const { code, out } = await ask(["flows"], { flows: async () => [sampleFlow, uncounted, foreign] });
    assert.equal(code, 1, "a failed flow is something wrong");
    const reason = "pods/deliver: pod default/web, interface weir0a1b2c3d4e5";
    assert.deepEqual(out.split("\n"), [
      `${sampleFlow.flow}  # ${reason}, 12 packets`,
      `${sampleFlow.flow}  # FAILED (table is full) ${reason}`,
      "table=0, actions=drop  # FOREIGN not Weir's",
      "",
    ]);
    assert.equal(JSON.parse((await ask(["flows", "-o", "json"])).out).length, 3);
  });

  it("asks for the flows of a pod, a table or an owner, and says when there are none", async () => {
    const filters: unknown[] = [];
    const flows: NodeView["flows"] = async (filter) => {
      filters.push(filter);
      return [];
    };
    const { code, err } = await ask(["flows", "--pod", "web"], { flows });
    assert.deepEqual([code, err], [1, "weirctl: no flow matches\n"]);
    await ask(["flows", "--table", "Route", "--owner", "node/n2"]);
    assert.deepEqual(filters, [{ pod: "default/web" }, { table: 70, owner: "node/n2" }]);
    const wrong = await ask(["flows", "--table", "Ruote"]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /there is no table Ruote; there are Classify \(0\)/);
    assert.equal((await ask(["flows", "-o", "json"])).out, "[]\n");
  });

  it("explains traffic as the node has it, with the flows of the rules that decide and their packets", async () => {
    const passes: Explanation = {
      from: "shop/web",
      to: "shop/db",
      family: "IPv4",
      ports: ["80/TCP"],
      verdict: "allow",
      alike: [],
      by: [{ direction: "ingress", policy: "shop/db", rule: 1 }],
      egress: { text: "allowed: no policy isolates it", nearMisses: [] },
      ingress: { text: "allowed by shop/db ingress[1]: from everybody, at every port", nearMisses: [] },
    };
    const questions: unknown[] = [];
    const filters: unknown[] = [];
    const rule = { ...sampleFlow, site: "policies/rule", owners: ["networkpolicy shop/db, ingress rule 1"] };
    const other = { ...rule, owners: ["networkpolicy shop/db, ingress rule 0"], flow: "another" };
    const view: Partial<NodeView> = {
      explain: ({ from, to }) => {
        questions.push([from, to]);
        return from === "shop/web" ? { explanations: [passes] } : { refusal: `${from}: there is no such pod` };
      },
      flows: async (filter) => {
        filters.push(filter);
        return [rule, other];
      },
    };
    const { code, out } = await ask(["explain", "shop/web", "shop/db:80", "--live"], view);
    assert.deepEqual(
      [code, out.split("\n")],
      [
        0,
        [
          "shop/web -> shop/db, 80/TCP: allowed",
          "  egress of shop/web: allowed: no policy isolates it",
          "  ingress of shop/db: allowed by shop/db ingress[1]: from everybody, at every port",
          `  flow: ${sampleFlow.flow}, 12 packets`,
          "",
        ],
      ],
    );
    assert.deepEqual([questions, filters], [[["shop/web", "shop/db:80"]], [{ owner: "networkpolicy/shop/db" }]]);
    const json = JSON.parse((await ask(["explain", "shop/web", "shop/db:80", "--live", "-o", "json"])).out);
    assert.deepEqual(json, [{ ...passes, flows: [rule] }]);
    const absent = await ask(["explain", "shop/nobody", "shop/db:80", "--live"]);
    assert.deepEqual([absent.code, absent.err], [1, "weirctl: shop/nobody: there is no such pod\n"]);
    const wrong = await ask(["explain", "a b", "shop/db:80", "--live"]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /a b: a pod \(shop\/web, .* is needed/);
  });

  it("explains traffic to services, with the flows of the rules that decide about endpoints", async () => {
    const direction = { text: "allowed: no policy isolates it", nearMisses: [] };
    const toEndpoint: Explanation = {
      ...{ from: "shop/web", to: "shop/db-0", family: "IPv4", ports: ["5433/TCP"], verdict: "allow", alike: [] },
      ...{ by: [{ direction: "ingress", policy: "shop/db", rule: 1 }], egress: direction, ingress: direction },
    };
    const service: ServiceExplanation = {
      ...{
        from: ["shop/web"],
        service: "shop/db",
        address: "clusterIP 10.96.0.10",
        port: "5432/TCP",
        outcome: "served",
      },
      ...{ chosen: ["10.10.1.6:5433", "10.10.2.6:5433"], endpoints: [toEndpoint] },
      unchosen: [{ address: "10.10.2.7:5433", reason: "it is not ready" }],
    };
    const refused: ServiceExplanation = {
      ...{ ...service, address: "clusterIP fd96::10", outcome: "refused", chosen: [], endpoints: [], unchosen: [] },
      from: ["shop/a", "shop/b", "shop/c", "shop/d"],
    };
    const rule = { ...sampleFlow, site: "policies/rule", owners: ["networkpolicy shop/db, ingress rule 1"] };
    const view: Partial<NodeView> = {
      explain: () => ({ services: [service, refused] }),
      flows: async () => [rule],
    };
    const { code, out } = await ask(["explain", "shop/web", "svc/shop/db", "--live"], view);
    assert.deepEqual(
      [code, out.split("\n")],
      [
        0,
        [
          "shop/web -> service shop/db, 5432/TCP at clusterIP 10.96.0.10: to one of 2 endpoints",
          "  not 10.10.2.7:5433: it is not ready",
          "shop/web -> shop/db-0, 5433/TCP: allowed",
          "  egress of shop/web: allowed: no policy isolates it",
          "  ingress of shop/db-0: allowed: no policy isolates it",
          `  flow: ${sampleFlow.flow}, 12 packets`,
          "",
          "shop/a, shop/b, shop/c and 1 more -> service shop/db, 5432/TCP at clusterIP fd96::10: refused, for it has no endpoint",
          "",
        ],
      ],
    );
    const json = JSON.parse((await ask(["explain", "shop/web", "svc/shop/db", "--live", "-o", "json"])).out);
    assert.deepEqual(json, [{ ...service, endpoints: [{ ...toEndpoint, flows: [rule] }] }, refused]);
  });

  it("annotates a dump, and leaves other lines alone", async () => {
    const dump = [
      "NXST_FLOW reply (xid=0x4):",
      " cookie=0x204000000000001, duration=1.2s, table=70, n_packets=1, n_bytes=2, priority=200,ip actions=output:7",
      " cookie=0x202000000000009, table=10, actions=drop",
      " cookie=0x5, table=0, actions=NORMAL",
      "",
    ];
    const { code, out } = await ask(["annotate"], {}, dump.join("\n"));
    assert.equal(code, 0);
    assert.deepEqual(out.split("\n"), [
      dump[0],
      `${dump[1]}  # pods/deliver: pod default/web, interface weir0a1b2c3d4e5`,
      `${dump[2]}  # pods/identity: nobody, as far as is known here`,
      `${dump[3]}  # not Weir's`,
      "",
    ]);
    const json = JSON.parse((await ask(["annotate", "-o", "json"], {}, dump.join("\n"))).out);
    assert.deepEqual(json[1].owners, ["pod default/web, interface weir0a1b2c3d4e5"]);
  });

  it("annotates with reasons alone when no node answers, and says so", async () => {
    const { code, out, err } = await weirctl(
      ["annotate", "--socket", socket],
      " cookie=0x204000000000001, actions=output:7\n",
    );
    assert.equal(code, 3);
    assert.match(out, /# pods\/deliver: nobody/);
    assert.match(err, /no answer on .*ENOENT.*reasons are told without owners/);
  });

  it("says with exit code 3 that no node answers", async () => {
    const { code, out, err } = await weirctl(["status", "--socket", socket]);
    assert.deepEqual([code, out], [3, ""]);
    assert.match(err, /weirctl: no answer on .*control.sock \(ENOENT\): weir-node does not run here/);
  });

  it("says when the node goes away in the middle of an answer", async () => {
    function* breaking() {
      yield sampleFlow;
      throw new Error("broken");
    }
    const { code, err } = await ask(["flows"], { flows: async () => breaking() });
    assert.equal(code, 3);
    assert.match(err, /stopped in the middle|no answer/);
  });
});
