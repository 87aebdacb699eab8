import { Command } from "commander";
import type { PolicyReport } from "#controller/node/http/node-view.ts";
import type { PolicySummary } from "#pipeline/policy-status/aggregate.ts";
import { type ClusterOptions, type ClusterSource, clusterSource, withClusterOptions } from "../cluster-option.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ON_THIS_NODE, OVER_ALL_NODES, type PolicyText } from "../format-policies.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

interface PoliciesOptions extends ClusterOptions {
  readonly socket: string;
  readonly output: OutputFormat;
}

export function getPoliciesCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("policies")
    .summary("policies of this node or of the cluster: in force since when, with hits")
    .description(
      "the policies that select pods of this node, or with --cluster all policies over all nodes: whether and since when they are " +
        "in force, what they let through and denied, and which rules were never hit. Exit code 1 if a switch refused one",
    )
    .argument("[name]", "only this one, with each of its rules")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (name: string | undefined, { socket, output, ...options }: PoliciesOptions) => {
      const source = clusterSource(options);
      const code =
        source === undefined
          ? await show(io, createNodeClient(socket).lines<PolicyReport>(pathFor(name)), ON_THIS_NODE, name, output)
          : await show(io, ofCluster(source, io, name), OVER_ALL_NODES, name, output);
      done(code);
    });
  return withExamples(withClusterOptions(command, "all policies of a cluster, over all its nodes"), [
    ["weirctl get policies", "all that count on this node"],
    ["weirctl get policies shop/db", "one with every rule: packets, last hit, since when it is counted"],
    ["weirctl get policies --cluster", "on how many nodes each is in force, and what is wrong with it"],
    ["weirctl get policies --cluster -o json | jq '.[] | select(.neverHit != [])'", "those with rules never hit"],
  ]);
}

function pathFor(name: string | undefined): string {
  if (name === undefined) return "/v1/policies";
  return `/v1/policies?${new URLSearchParams({ name })}`;
}

/** Loaded when needed: who asks the node speaks with no API server. */
async function* ofCluster(source: ClusterSource, { env }: Io, name: string | undefined): AsyncGenerator<PolicySummary> {
  const { readClusterPolicies } = await import("../cluster-policies.ts");
  // As in kubectl, what has no namespace is of "default", or of none.
  const isMeant = (policy: PolicySummary) =>
    name === undefined || policy.name === name || (!name.includes("/") && policy.name === `default/${name}`);
  yield* (await readClusterPolicies(source, env)).filter(isMeant);
}

async function show<T extends PolicyReport | PolicySummary>(
  io: Io,
  policies: AsyncIterable<T>,
  text: PolicyText<T>,
  name: string | undefined,
  output: OutputFormat,
): Promise<ExitCode> {
  const counted = { policies: 0, failed: 0 };
  const all = count(policies, text, counted);
  if (output === "json") await writeAll(io, jsonArray(all));
  else if (name === undefined) await list(io, all, text);
  else for await (const policy of all) await io.write(text.describe(policy));
  if (name !== undefined && counted.policies === 0) throw new CliError(EXIT.wrong, `policies: ${name} ${text.missing}`);
  return counted.failed > 0 ? EXIT.wrong : EXIT.ok;
}

async function* count<T>(
  policies: AsyncIterable<T>,
  { isFailed }: PolicyText<T>,
  counted: { policies: number; failed: number },
): AsyncGenerator<T> {
  for await (const policy of policies) {
    counted.policies++;
    if (isFailed(policy)) counted.failed++;
    yield policy;
  }
}

async function list<T>(io: Io, policies: AsyncIterable<T>, { header, row }: PolicyText<T>): Promise<void> {
  const rows: (readonly string[])[] = [];
  for await (const policy of policies) rows.push(row(policy));
  if (rows.length === 0) io.say("no policies");
  else await io.write(formatTable(header, rows));
}
