import { createServer, type RequestListener, type Server } from "node:http";
import { type Cidr, cidrContains, parseIp } from "#base/address.ts";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { closeServer, whenListening } from "#controller/process/listening.ts";
import type { Problem } from "#pipeline/problem.ts";

export interface ServiceHealthOptions {
  readonly nodeName: string;
  /** Only at addresses within them are balancers answered; at all, while there are none. */
  readonly networks: readonly Cidr[];
  /** Ready endpoints of a service on this node. */
  countEndpoints(service: string): number;
  /** Whether new connections to services get endpoints here as they should. */
  isServing(): boolean;
  readonly log: Log;
  /** There are other problems than before. */
  onChange(): void;
}

/** Answers balancers that ask whether this node has endpoints of a service: spec.healthCheckNodePort, a port for each. */
export interface ServiceHealth {
  /** By port: "namespace/name" of the service. Ports come and go; one that is taken is tried again. */
  update(wanted: ReadonlyMap<number, string>): void;
  problems(): readonly Problem[];
  close(): Promise<void>;
}

interface Entry {
  service: string;
  readonly server: Server;
  failure?: string;
  retry?: NodeJS.Timeout;
}

export function createServiceHealth(options: ServiceHealthOptions): ServiceHealth {
  const { nodeName, log, onChange } = options;
  const entries = new Map<number, Entry>();

  function open(port: number, service: string): Entry {
    const entry: Entry = { service, server: createServer(answer(options, () => entry.service)) };
    const backoff = createBackoff(500, 30_000);
    const listen = (): void => {
      whenListening(entry.server, () => entry.server.listen(port)).then(
        () => settle(undefined),
        (error: unknown) => {
          if (entries.get(port) !== entry) return;
          settle(describeError(error));
          entry.retry = setTimeout(listen, backoff.next());
        },
      );
    };
    const settle = (failure: string | undefined): void => {
      if (failure === entry.failure) return;
      if (failure === undefined) delete entry.failure;
      else entry.failure = failure;
      if (failure !== undefined) log.warn("a health-check port cannot be served", { port, service, error: failure });
      onChange();
    };
    listen();
    return entry;
  }

  function drop(port: number, { server, retry }: Entry): Promise<void> {
    entries.delete(port);
    clearTimeout(retry);
    return closeServer(server);
  }

  return {
    update(wanted) {
      // It cannot fail, and nobody waits for it.
      for (const [port, entry] of entries) if (!wanted.has(port)) void drop(port, entry);
      for (const [port, service] of wanted) {
        const entry = entries.get(port);
        if (entry === undefined) entries.set(port, open(port, service));
        else entry.service = service;
      }
    },
    problems: () =>
      [...entries].flatMap(([port, { service, failure }]) =>
        failure === undefined ? [] : [problemOf(nodeName, port, service, failure)],
      ),
    async close() {
      await Promise.all([...entries].map(([port, entry]) => drop(port, entry)));
    },
  };
}

function problemOf(nodeName: string, port: number, service: string, failure: string): Problem {
  const message = `cannot serve port ${port}, at which balancers ask for Service ${service} (spec.healthCheckNodePort), so they send nothing here: ${failure}; end what has the port`;
  return { source: "services", object: `Node ${nodeName}`, field: "", message };
}

/** On every path, as balancers are used to from kube-proxy, with its headers and fields. */
function answer(options: ServiceHealthOptions, serviceNow: () => string): RequestListener {
  const { networks, countEndpoints, isServing } = options;
  return (request, response) => {
    const ip = parseIp((request.socket.localAddress ?? "").replace(/^::ffff:/, ""));
    if (networks.length > 0 && (ip === undefined || !networks.some((network) => cidrContains(network, ip)))) {
      request.socket.destroy();
      return;
    }
    const [namespace, name] = serviceNow().split("/");
    const localEndpoints = countEndpoints(serviceNow());
    const serviceProxyHealthy = isServing();
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
    response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
      "x-load-balancing-endpoint-weight": String(localEndpoints),
    });
    response.end(`${JSON.stringify(body, null, "\t")}\n`);
  };
}
