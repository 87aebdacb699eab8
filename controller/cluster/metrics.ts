import { Gauge, Registry } from "prom-client";
import type { ServedMetrics } from "#controller/process/health-server.ts";
import { registerProcessMetrics } from "#controller/process/process-metrics.ts";

export function createClusterMetrics(version: string, leads: () => boolean): ServedMetrics {
  const registry = new Registry();
  const registers = [registry];
  const build = { name: "weir_build_info", help: "The version that runs.", labelNames: ["version"], registers };
  new Gauge(build).set({ version }, 1);
  new Gauge({
    ...{ name: "weir_cluster_leader", help: "Whether this instance does the duties.", registers },
    collect() {
      this.set(leads() ? 1 : 0);
    },
  });
  registerProcessMetrics(registry);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
