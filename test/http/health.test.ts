import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import { createMetrics } from "#controller/node/http/metrics.ts";
import type { Check } from "#controller/process/health.ts";
import { startHealthServer } from "#controller/process/health-server.ts";
import type { Listening } from "#controller/process/listening.ts";

function check(name: string, message?: string): Check {
  return { name, check: () => message };
}

function sampleMetrics() {
  return createMetrics("0.1.0", {
    flows: () => ({ desired: 40, installed: 39, pending: 0, failed: 1 }),
    pods: () => 3,
    peers: () => 2,
    problems: () => new Map([["pipeline", 1]]),
    connected: () => ({ kubernetes: false, ovsdb: true, switch: true }),
    connections: () => ({ told: 3, untold: 4 }),
    limited: () => [["shop/busy", 40]],
    stagedDenials: () => ({ told: 1, untold: 2 }),
    staged: () => [
      {
        policy: "shop/db",
        staged: { enforcement: "staged", wouldAllow: 10, wouldDeny: 5, newlyAllowed: 1, newlyDenied: 3 },
      },
    ],
    denials: () => ({ told: 4, untold: 96, byPolicy: [{ policy: "shop/db", direction: "ingress", count: 3 }] }),
    names: () => ({ names: 2, current: 3, lapsed: 1, refused: 0, answers: { learnt: 5, lost: 0 } }),
    announced: () => 2,
    refresh: async () => {},
  });
}

describe("The health server", () => {
  let server: Listening | undefined;

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function serve(
    ready: readonly Check[],
    live: readonly Check[] = [],
  ): Promise<(path: string) => Promise<string>> {
    server = await startHealthServer({
      address: "127.0.0.1:0",
      health: { live, ready },
      metrics: sampleMetrics(),
      log: silentLog,
    });
    const { address } = server;
    return async (path) => {
      const response = await fetch(`http://${address}${path}`);
      return `${response.status} ${await response.text()}`;
    };
  }

  it("is ready when every check is", async () => {
    const get = await serve([check("switch"), check("kubernetes")]);
    assert.equal(await get("/readyz"), "200 ok\n");
    assert.equal(await get("/readyz?verbose"), "200 [+]switch ok\n[+]kubernetes ok\nreadyz check passed\n");
  });

  it("is not ready when one check fails, and says why; it lives all the same", async () => {
    const get = await serve([check("switch"), check("kubernetes", "no answer since 12 s")], [check("event-loop")]);
    const text = "[+]switch ok\n[-]kubernetes failed: no answer since 12 s\nreadyz check failed\n";
    assert.equal(await get("/readyz"), `503 ${text}`);
    assert.equal(await get("/livez"), "200 ok\n");
    assert.equal(await get("/livez?verbose"), "200 [+]event-loop ok\nlivez check passed\n");
  });

  it("serves metrics whose readings are taken at the scrape", async () => {
    const get = await serve([]);
    const text = await get("/metrics");
    for (const line of [
      'weir_flows{state="desired"} 40',
      'weir_flows{state="failed"} 1',
      "weir_pods 3",
      'weir_problems{source="pipeline"} 1',
      "weir_announced_addresses 2",
      'weir_connected{peer="kubernetes"} 0',
      'weir_build_info{version="0.1.0"} 1',
      "process_resident_memory_bytes ",
    ]) {
      assert.ok(text.includes(`\n${line}`), line);
    }
  });
});

describe("The metrics", () => {
  it("count what the rooms tell them", async () => {
    const metrics = sampleMetrics();
    metrics.countBatch("kubernetes/pods", 4);
    metrics.observeStep(0.001);
    metrics.observeReconcile("switch", 0.02, "ok");
    metrics.countModifications("switch", 12);
    metrics.countDriftRepairs("host", 2);
    for (const peer of ["ovsdb", "switch", "ovsdb"] as const) metrics.countConnection(peer);
    metrics.observeCni("ADD", 0, 0.004);
    metrics.observeCni("ADD", 11, 0.004);
    const text = await metrics.text();
    for (const line of [
      'weir_batches_total{source="kubernetes/pods"} 1',
      'weir_changes_total{source="kubernetes/pods"} 4',
      "weir_pipeline_step_seconds_count 1",
      'weir_reconcile_seconds_count{target="switch",outcome="ok"} 1',
      'weir_modifications_total{target="switch"} 12',
      'weir_drift_repairs_total{target="host"} 2',
      'weir_reconnects_total{peer="ovsdb"} 1',
      'weir_cni_operations_total{command="ADD",code="11"} 1',
      'weir_cni_operation_seconds_count{command="ADD"} 2',
      'weir_denials_total{told="yes"} 4',
      'weir_denials_total{told="no"} 96',
      'weir_logged_connections_total{told="yes"} 3',
      'weir_logged_connections_total{told="no"} 4',
      'weir_policy_rate_denials_total{policy="shop/busy"} 40',
      'weir_staged_denials_total{told="no"} 2',
      'weir_staged_policy_connections_total{policy="shop/db",would="allow",was="allow"} 9',
      'weir_staged_policy_connections_total{policy="shop/db",would="allow",was="deny"} 1',
      'weir_staged_policy_connections_total{policy="shop/db",would="deny",was="allow"} 3',
      'weir_staged_policy_connections_total{policy="shop/db",would="deny",was="deny"} 2',
      'weir_policy_denials_total{policy="shop/db",direction="ingress"} 3',
      "weir_names 2",
      'weir_name_addresses{state="current"} 3',
      'weir_name_addresses{state="lapsed"} 1',
      'weir_dns_answers_total{outcome="learnt"} 5',
    ]) {
      assert.ok(text.includes(`\n${line}\n`), `${line} in\n${text}`);
    }
    assert.doesNotMatch(text, /weir_reconnects_total\{peer="switch"\}/, "the first connection is none that came back");
  });

  it("forget a source that has no problems any more", async () => {
    const problems = new Map([["manifests", 2]]);
    const metrics = createMetrics("0", {
      flows: () => ({ desired: 0, installed: 0, pending: 0, failed: 0 }),
      pods: () => 0,
      peers: () => 0,
      problems: () => problems,
      connected: () => ({ kubernetes: true, ovsdb: true, switch: true }),
      connections: () => ({ told: 3, untold: 4 }),
      limited: () => [["shop/busy", 40]],
      stagedDenials: () => ({ told: 1, untold: 2 }),
      staged: () => [
        {
          policy: "shop/db",
          staged: { enforcement: "staged", wouldAllow: 10, wouldDeny: 5, newlyAllowed: 1, newlyDenied: 3 },
        },
      ],
      denials: () => ({ told: 0, untold: 0, byPolicy: [] }),
      names: () => ({ names: 0, current: 0, lapsed: 0, refused: 0, answers: {} }),
      announced: () => 2,
      refresh: async () => {},
    });
    assert.match(await metrics.text(), /weir_problems\{source="manifests"\} 2/);
    problems.clear();
    assert.doesNotMatch(await metrics.text(), /weir_problems\{/);
  });
});
