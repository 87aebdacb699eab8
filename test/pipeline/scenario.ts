import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { formatFlow, formatGroupEntry } from "#openflow/text/index.ts";
import { type Compiled, compile } from "#pipeline/compile.ts";
import type { HostRoute, HostServices, HostState } from "#pipeline/host-state.ts";
import { TABLE_NAMES } from "#pipeline/layout/tables.ts";
import { formatOwner } from "#pipeline/owner.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { Kind, RawChange } from "#pipeline/source.ts";

/** Kubernetes objects and a point of view: what test/scenarios/*.yaml hold. */
export interface Scenario {
  readonly node: string;
  readonly encapsulation: Settings["encapsulation"];
  /** Of the feature `base`, whose flows are the same in most scenarios, as well. */
  readonly base?: boolean;
  readonly underlay?: unknown;
  readonly objects: readonly { kind: Kind; metadata: { name: string; namespace?: string } }[];
}

export const SCENARIOS = join(import.meta.dirname, "../scenarios");

export function readScenario(name: string): Scenario {
  return parse(readFileSync(join(SCENARIOS, `${name}.yaml`), "utf8"));
}

export function compileScenario(scenario: Scenario): Compiled {
  return compile({ nodeName: scenario.node, encapsulation: scenario.encapsulation }, changesOf(scenario));
}

function changesOf({ objects, underlay }: Scenario): readonly RawChange[] {
  const changes = objects.map((object): RawChange => {
    const { name, namespace } = object.metadata;
    return { kind: object.kind, key: namespace === undefined ? name : `${namespace}/${name}`, object };
  });
  return underlay === undefined ? changes : [...changes, { kind: "Underlay", key: "underlay", object: underlay }];
}

/** Everything that a scenario comes to, as text for a reviewer. */
export function describeCompiled(compiled: Compiled, withBase: boolean): string {
  const flows = compiled.flows
    .filter(({ site }) => withBase || !site.startsWith("base/"))
    .map(
      ({ flow, site, owners }) =>
        `${formatFlow(flow, { tableNames: TABLE_NAMES })}\n    # ${site}: ${owners.map(formatOwner).join("; ")}`,
    );
  const groups = compiled.groups.map(
    ({ group, site, owners }) =>
      `${formatGroupEntry(group).replaceAll(",bucket=", "\n    bucket=")}\n    # ${site}: ${owners.map(formatOwner).join("; ")}`,
  );
  const problems = compiled.problems.map(({ object, field, message }) => `${object}: ${field} ${message}`);
  return [
    ...["## assumptions", ...compiled.assumptions],
    ...["", "## flows", ...flows],
    ...(groups.length === 0 ? [] : ["", "## groups", ...groups]),
    ...["", "## host", ...describeHost(compiled.host)],
    ...["", "## problems", ...problems],
    "",
  ].join("\n");
}

function describeHost(host: HostState): readonly string[] {
  return [
    ...host.gatewayAddresses.map((address) => `weir-gw0 has ${address}`),
    ...[...host.routes.values()].map(describeRoute),
    ...host.localPodCidrs.map((cidr) => `pods here: ${cidr}`),
    ...host.podCidrs.map((cidr) => `pods anywhere: ${cidr}`),
    ...host.nodeAddresses.map((address) => `node: ${address}`),
    ...describeServices(host.services),
  ];
}

function describeServices(services: HostServices): readonly string[] {
  return [
    ...[...services.nodePorts].sort().map((port) => `node port: ${port}`),
    ...[...services.ownPorts].sort().map((port) => `port of a service at this node: ${port}`),
    ...[...services.outsidePorts].sort().map((port) => `port of a service elsewhere: ${port}`),
    ...[...services.balancedAddresses].sort().map((address) => `balanced: ${address}`),
    ...[...services.healthChecks].map(([port, service]) => `health of ${service} at port ${port}`),
  ];
}

function describeRoute({ destination, via, device, source }: HostRoute): string {
  return `route ${destination}${via === undefined ? "" : ` via ${via}`} dev ${device}${source === undefined ? "" : ` src ${source}`}`;
}
