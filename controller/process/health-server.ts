import { createServer } from "node:http";
import type { Log } from "#base/log.ts";
import { parseHostAndPort } from "./config/fields.ts";
import type { Check, Health } from "./health.ts";
import { formatChecks, runChecks } from "./health.ts";
import type { Listening } from "./listening.ts";
import { closeServer, whenListening } from "./listening.ts";
import type { Handler } from "./router.ts";
import { createListener } from "./router.ts";

/** What Prometheus reads. */
export interface ServedMetrics {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface HealthServerOptions {
  /** HOST:PORT; port 0 takes a free one. */
  readonly address: string;
  readonly health: Health;
  readonly metrics: ServedMetrics;
  readonly log: Log;
}

/** Serves /livez, /readyz (both with ?verbose) and /metrics. */
export async function startHealthServer({ address, health, metrics, log }: HealthServerOptions): Promise<Listening> {
  const routes = {
    "/livez": checkHandler("livez", health.live),
    "/readyz": checkHandler("readyz", health.ready),
    "/metrics": async () => ({ type: metrics.contentType, body: await metrics.text() }),
  };
  const server = createServer(createListener(routes, log));
  const { host, port } = parseHostAndPort(address) ?? { host: address.replace(/:0$/, ""), port: 0 };
  await whenListening(server, () => server.listen(port, host));
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: `${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    close: () => closeServer(server),
  };
}

function checkHandler(endpoint: string, checks: readonly Check[]): Handler {
  return (query) => {
    const results = runChecks(checks);
    return {
      status: results.every((check) => check.ok) ? 200 : 503,
      type: "text/plain; charset=utf-8",
      body: formatChecks(endpoint, results, query.has("verbose")),
    };
  };
}
