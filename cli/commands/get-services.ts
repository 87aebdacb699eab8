import { Command } from "commander";
import type { BackendsReport, EndpointReport, FrontendReport, ServiceReport } from "#controller/node/http/node-view.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

interface ServicesOptions {
  readonly socket: string;
  readonly output: OutputFormat;
}

const HEADER = ["NAME", "TYPE", "ADDRESSES", "PORTS", "ENDPOINTS", "STATE", "PACKETS", "PROBLEMS"];

export function getServicesCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("services")
    .summary("services as this node serves them, with endpoints")
    .description(
      "services as this node serves them: their addresses, the endpoints that are chosen for clients here, why the others are not, and " +
        "the first packets of connections that each has got; those that are not a node's to serve are listed as ignored",
    )
    .argument("[name]", "only this one, with each of its addresses and endpoints")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (name: string | undefined, { socket, output }: ServicesOptions) => {
      const counted = { services: 0, failed: 0 };
      const services = count(createNodeClient(socket).lines<ServiceReport>(pathFor(name)), counted);
      if (output === "json") await writeAll(io, jsonArray(services));
      else if (name === undefined) await list(io, services);
      else for await (const service of services) await io.write(describe(service));
      if (name !== undefined && counted.services === 0) throw new CliError(EXIT.wrong, `services: ${name} is not here`);
      done(counted.failed > 0 ? EXIT.wrong : EXIT.ok);
    });
  return withExamples(command, [
    ["weirctl get services", "all of them; exit code 1 if the switch refused something of one"],
    ["weirctl get services shop/db", "one with its endpoints: which are chosen here, and why the others are not"],
    [
      "weirctl get services -o json | jq '.[] | select(.frontends[]?.outcome == \"refused\")'",
      "those without endpoints",
    ],
  ]);
}

function pathFor(name: string | undefined): string {
  if (name === undefined) return "/v1/services";
  return `/v1/services?${new URLSearchParams({ name })}`;
}

async function* count(
  services: AsyncIterable<ServiceReport>,
  counted: { services: number; failed: number },
): AsyncGenerator<ServiceReport> {
  for await (const service of services) {
    counted.services++;
    if (service.state === "failed") counted.failed++;
    yield service;
  }
}

async function list(io: Io, services: AsyncIterable<ServiceReport>): Promise<void> {
  const rows: string[][] = [];
  for await (const service of services) rows.push(rowOf(service));
  if (rows.length === 0) io.say("no services");
  else await io.write(formatTable(HEADER, rows));
}

function rowOf(service: ServiceReport): string[] {
  if (service.state === "ignored") return [service.name, "-", "-", "-", "-", `ignored: ${service.reason}`, "-", "-"];
  const { name, type, frontends, backends, state, packets, problems } = service;
  const addresses = new Set(frontends.map(({ address }) => address.split(" ")[1] ?? address));
  const ports = new Set(frontends.map(({ port }) => port));
  return [
    ...[name, type, [...addresses].join(",") || "-", [...ports].join(",") || "-", countEndpoints(backends)],
    ...[state, String(packets), String(problems.length)],
  ];
}

/** "2/3": chosen, of all that there are; of the first set where all have the same. */
function countEndpoints(backends: readonly BackendsReport[]): string {
  const texts = backends.map(({ endpoints }) => `${endpoints.filter(isChosen).length}/${endpoints.length}`);
  return [...new Set(texts)].join(",") || "-";
}

function isChosen(endpoint: EndpointReport): boolean {
  return endpoint.isChosen;
}

function describe(service: ServiceReport): string {
  if (service.state === "ignored") return formatTable([service.name], [["state", `ignored: ${service.reason}`]]);
  const { name, type, state, reason, internalTrafficPolicy, externalTrafficPolicy, affinitySeconds, problems } =
    service;
  const affinity = affinitySeconds === undefined ? "none" : `ClientIP for ${affinitySeconds} s`;
  const rows = [
    ["type", type],
    ["state", reason === undefined ? state : `${state}: ${reason}`],
    ["traffic policies", `internal ${internalTrafficPolicy}, external ${externalTrafficPolicy}`],
    ["session affinity", affinity],
    ...problems.map((problem) => ["problem", problem]),
    ...service.frontends.map((frontend) => [frontend.address, describeFrontend(frontend)]),
    ...service.backends.flatMap(rowsOfBackends),
  ];
  return formatTable(["service", name], rows);
}

const OUTCOMES: Readonly<Record<FrontendReport["outcome"], string>> = {
  served: "served",
  refused: "refused: there is no endpoint",
  dropped: "dropped: its endpoints are for clients of their own nodes",
};

function describeFrontend({ port, portName, nodePort, outcome, group, packets }: FrontendReport): string {
  const name = portName === "" ? "" : ` (${portName})`;
  const also = nodePort === undefined ? "" : `, node port ${nodePort}`;
  const by = group === undefined ? "" : ` by group ${group}`;
  return `${port}${name}${also}: ${OUTCOMES[outcome]}${by}, ${packets} packets`;
}

function rowsOfBackends(backends: BackendsReport): string[][] {
  const { port, portName, family, scope, endpoints } = backends;
  const where = scope === "Local" ? ", of this node alone" : "";
  const head = `${endpoints.filter(isChosen).length} of ${endpoints.length} endpoints${where}`;
  return [
    [`${port}${portName === "" ? "" : ` (${portName})`} ${family}`, head],
    ...endpoints.map((endpoint) => [`  ${placeOf(endpoint)}`, describeEndpoint(endpoint)]),
  ];
}

function placeOf({ address, port }: EndpointReport): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function describeEndpoint(endpoint: EndpointReport): string {
  const { node, isLocal, ready, serving, terminating, forZones = [], forNodes = [], reason, packets } = endpoint;
  const states = [ready && "ready", !ready && serving && "serving", terminating && "terminating"].filter(Boolean);
  const hints = [...forZones.map((zone) => `for zone ${zone}`), ...forNodes.map((one) => `for node ${one}`)];
  const place = node === undefined ? [] : [isLocal ? "this node" : `node ${node}`];
  const facts = [...place, states.join(", ") || "not ready", ...hints].join(", ");
  return `${facts}: ${reason === undefined ? `chosen, ${packets ?? 0} packets` : `not chosen: ${reason}`}`;
}
