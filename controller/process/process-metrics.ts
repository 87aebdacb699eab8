import { Counter, Gauge, type Registry } from "prom-client";

/**
 * The three figures of every Prometheus client. prom-client's own collection starts a timer and a garbage collection
 * observer, which an idle node should not have.
 */
export function registerProcessMetrics(registry: Registry): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  const registers = [registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  let counted = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time used, in user and system mode.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const total = (user + system) / 1e6;
      this.inc(Math.max(0, total - counted));
      counted = total;
    },
  });
  new Gauge({ name: "process_start_time_seconds", help: "When the process started.", registers }).set(startedAt);
}
