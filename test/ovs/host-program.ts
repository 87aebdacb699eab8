/**
 * The host side of a node alone, run inside of a namespace as a process of its own. Each line of stdin is a request and each
 * line of stdout its answer, as JSON.
 */
import { createInterface } from "node:readline";
import { parseIp } from "#base/address.ts";
import { describeError } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { createHost, createUnderlay, type HostOptions, uninstallHost } from "#controller/node/host/index.ts";
import type { HostRoute } from "#pipeline/host-state.ts";
import { type HostServicesText, hostServices } from "#test/support/host-services.ts";

interface ApplyRequest {
  readonly do: "apply";
  readonly state: {
    readonly gatewayAddresses: readonly string[];
    readonly routes: readonly HostRoute[];
    readonly localPodCidrs: readonly string[];
    readonly podCidrs: readonly string[];
    readonly nodeAddresses: readonly string[];
    readonly services?: HostServicesText;
  };
}

interface UnderlayRequest {
  readonly do: "watch" | "refresh";
  readonly nodeAddresses: readonly string[];
}

type Request = ApplyRequest | { readonly do: "uninstall" } | UnderlayRequest;

const settings: Omit<HostOptions, "mtu" | "transportInterface"> & { mtu?: number; transportInterface?: string } =
  JSON.parse(process.argv[2] ?? "{}");
const host = createHost({
  ...settings,
  mtu: () => settings.mtu,
  transportInterface: () => settings.transportInterface,
});

let nodeAddresses: readonly string[] = [];
const underlay = createUnderlay({
  nodeAddresses: () => nodeAddresses.map(parseIp).filter((ip) => ip !== undefined),
  log: silentLog,
  signal: new AbortController().signal,
});

const requests = createInterface({ input: process.stdin });
for await (const line of requests) {
  try {
    await answer(JSON.parse(line));
  } catch (error) {
    say({ error: describeError(error) });
  }
}
process.exit(0);

async function answer(request: Request): Promise<void> {
  switch (request.do) {
    case "apply": {
      const routes = new Map(request.state.routes.map((route) => [route.destination, route]));
      return say(await host.apply({ ...request.state, routes, services: hostServices(request.state.services) }));
    }
    case "uninstall":
      await uninstallHost({ stateDirectory: settings.stateDirectory });
      return say({ done: true });
    case "watch":
      nodeAddresses = request.nodeAddresses;
      // Every batch is a line from here on.
      underlay.batches$.subscribe(say);
      return;
    case "refresh":
      nodeAddresses = request.nodeAddresses;
      underlay.refresh();
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
