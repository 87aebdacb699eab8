import type { FlowEntry } from "#controller/node/http/node-view.ts";
import type { Decider } from "#pipeline/explain/decision.ts";
import type { Explanation } from "#pipeline/explain/explain.ts";
import type { ServiceExplanation } from "#pipeline/explain/services.ts";
import { formatExplanations } from "./format-explanations.ts";
import { formatServiceExplanations } from "./format-service-explanations.ts";
import { type Io, writeAll } from "./io.ts";
import { createNodeClient, type NodeClient } from "./node-client.ts";
import { jsonDocument, type OutputFormat } from "./output.ts";

/** Writes why traffic between the two ends passes or not, as the running node has it, and the flows of the rules that decide. */
export async function explainLive(
  io: Io,
  from: string,
  to: string,
  socket: string,
  output: OutputFormat,
): Promise<void> {
  const client = createNodeClient(socket);
  const answer = await client.get<(Explanation | ServiceExplanation)[]>(
    `/v1/explain?${new URLSearchParams({ from, to })}`,
  );
  const services = answer.filter((one): one is ServiceExplanation => "service" in one);
  const explanations = answer.filter((one): one is Explanation => !("service" in one));
  const flows = await flowsOfRules(client, [...explanations, ...services.flatMap(({ endpoints }) => endpoints)]);
  const flowsOf = ({ by }: Explanation) => by.flatMap((decider) => flows.get(nameOf(decider)) ?? []);
  const withFlows = (one: Explanation) => ({ ...one, flows: flowsOf(one) });
  const lines = (one: Explanation) => flowsOf(one).map(formatFlow);
  if (services.length === 0 && output === "json") await io.write(jsonDocument(explanations.map(withFlows)));
  else if (services.length === 0) await writeAll(io, formatExplanations(explanations, lines));
  else if (output === "json")
    await io.write(jsonDocument(services.map((one) => ({ ...one, endpoints: one.endpoints.map(withFlows) }))));
  else await writeAll(io, formatServiceExplanations(services, lines));
}

/** By rule, what the switch holds for it: none for one that is about pods of other nodes alone. */
async function flowsOfRules(
  client: NodeClient,
  explanations: readonly Explanation[],
): Promise<ReadonlyMap<string, readonly FlowEntry[]>> {
  const deciders = explanations.flatMap(({ by }) => by).filter(({ rule }) => rule !== undefined);
  const flows = new Map<string, FlowEntry[]>();
  for (const owner of new Set(deciders.map((one) => `${kindOf(one)}/${one.policy}`))) {
    for await (const flow of client.lines<FlowEntry>(`/v1/flows?${new URLSearchParams({ owner })}`)) {
      if (flow.site !== "policies/rule" && flow.site !== "policies/open") continue;
      for (const name of flow.owners) flows.set(name, [...(flows.get(name) ?? []), flow]);
    }
  }
  return flows;
}

/** As the flow's owner is written. */
function nameOf(decider: Decider): string {
  const { policy, direction, rule } = decider;
  return `${kindOf(decider)} ${policy}, ${direction} rule ${rule}`;
}

function kindOf({ tier }: Decider): string {
  return tier === undefined ? "networkpolicy" : "clusternetworkpolicy";
}

function formatFlow({ flow, packets, status }: FlowEntry): string {
  return `${status === "installed" ? "flow" : `flow (${status})`}: ${flow}, ${packets ?? 0} packets`;
}
