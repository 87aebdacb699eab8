import { readManifests } from "#controller/node/watch/manifests.ts";
import { formatFlow, formatGroupEntry } from "#openflow/text/index.ts";
import { type Compiled, compile } from "#pipeline/compile.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { TABLE_NAMES } from "#pipeline/layout/tables.ts";
import { formatOwner } from "#pipeline/owner.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { RawChange } from "#pipeline/source.ts";
import type { DesiredFlow, DesiredGroup } from "#pipeline/switch-state.ts";
import { CliError, usageError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { formatProblem } from "./format-problem.ts";
import { type Io, writeAll } from "./io.ts";
import { jsonDocument, type OutputFormat } from "./output.ts";
import { formatReason } from "./reason.ts";

export interface CompileOptions {
  readonly node?: string;
  readonly encapsulation: Settings["encapsulation"];
  readonly underlay: readonly string[];
  readonly output: OutputFormat;
}

/** Writes what the folder means for the node; problems go to stderr. */
export async function compileFolder(io: Io, folder: string, options: CompileOptions): Promise<ExitCode> {
  const manifests = await readManifests(folder);
  const changes = [...manifests.changes, ...underlayChanges(options.underlay)];
  const node = options.node ?? onlyNode(manifests.changes, manifests.problems);
  const compiled = compile({ nodeName: node, encapsulation: options.encapsulation }, changes);
  const problems = [...manifests.problems, ...compiled.problems];
  if (options.output === "json") await io.write(jsonDocument(asJson(node, compiled, problems)));
  else await writeAll(io, asText(folder, node, compiled));
  for (const problem of problems) io.say(formatProblem(problem));
  return problems.length > 0 ? EXIT.wrong : EXIT.ok;
}

function underlayChanges(addresses: readonly string[]): RawChange[] {
  if (addresses.length === 0) return [];
  return [{ kind: "Underlay", key: "underlay", object: { interface: "underlay", mtu: 1500, addresses } }];
}

function onlyNode(changes: readonly RawChange[], problems: readonly Problem[]): string {
  const nodes = changes.filter((change) => change.kind === "Node").map((change) => change.key);
  const [node] = nodes;
  if (nodes.length === 1 && node !== undefined) return node;
  if (nodes.length > 1) throw usageError(`--node is needed: one of ${nodes.join(", ")}`);
  const why = problems.map(formatProblem).join("\n  ");
  throw new CliError(
    EXIT.wrong,
    why === "" ? "there is no Node in these manifests" : `there is no Node to compile for:\n  ${why}`,
  );
}

function* asText(folder: string, node: string, compiled: Compiled): Generator<string> {
  yield `# ${folder} as node ${node} has it: ${compiled.flows.length} flows\n`;
  for (const assumption of compiled.assumptions) yield `# assumed: ${assumption}\n`;
  for (const { group, site, owners } of compiled.groups)
    yield `# ovs-ofctl add-group: ${formatGroupEntry(group)}  # ${formatReason(site, owners.map(formatOwner))}\n`;
  let table: number | undefined;
  for (const desired of compiled.flows) {
    if (desired.flow.table !== table) {
      table = desired.flow.table;
      yield `\n# table ${table}, ${TABLE_NAMES.get(table) ?? "without a name"}\n`;
    }
    yield `${formatFlow(desired.flow)}  # ${formatReason(desired.site, desired.owners.map(formatOwner))}\n`;
  }
}

function asJson(node: string, compiled: Compiled, problems: readonly Problem[]) {
  return {
    node,
    assumptions: compiled.assumptions,
    flows: compiled.flows.map(flowAsJson),
    groups: compiled.groups.map(groupAsJson),
    host: hostAsJson(compiled.host),
    problems,
  };
}

function hostAsJson({ routes, services, ...host }: HostState) {
  const { nodePorts, ownPorts, outsidePorts, balancedAddresses, healthChecks } = services;
  return {
    ...host,
    routes: [...routes.values()],
    services: {
      ...{ nodePorts: [...nodePorts], ownPorts: [...ownPorts], outsidePorts: [...outsidePorts] },
      ...{ balancedAddresses: [...balancedAddresses], healthChecks: Object.fromEntries(healthChecks) },
    },
  };
}

function flowAsJson({ flow, site, owners }: DesiredFlow) {
  const { table, priority, cookie } = flow;
  const identity = { table, tableName: TABLE_NAMES.get(table), priority, cookie: `0x${cookie.toString(16)}` };
  return { flow: formatFlow(flow), ...identity, site, owners: owners.map(formatOwner) };
}

function groupAsJson({ group, site, owners }: DesiredGroup) {
  return { group: formatGroupEntry(group), id: group.groupId, site, owners: owners.map(formatOwner) };
}
