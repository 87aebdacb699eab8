import { Command } from "commander";
import type { PolicyReport, RuleReport } from "#controller/node/http/node-view.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";

interface PoliciesOptions {
  readonly socket: string;
  readonly output: OutputFormat;
}

const HEADER = ["KIND", "NAME", "PODS", "DIRECTIONS", "RULES", "STATE", "PACKETS", "LAST HIT", "DENIED", "PROBLEMS"];

export function getPoliciesCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("policies")
    .summary("the policies that select pods of this node, with hits")
    .description(
      "the policies that select pods of this node: whether they are in the switch, since when, and what they let through and denied",
    )
    .argument("[name]", "only this one, with each of its rules")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (name: string | undefined, { socket, output }: PoliciesOptions) => {
      const counted = { policies: 0, failed: 0 };
      const policies = count(createNodeClient(socket).lines<PolicyReport>(pathFor(name)), counted);
      if (output === "json") await writeAll(io, jsonArray(policies));
      else if (name === undefined) await list(io, policies);
      else for await (const policy of policies) await io.write(describe(policy));
      if (name !== undefined && counted.policies === 0)
        throw new CliError(EXIT.wrong, `policies: ${name} selects no pod of this node, or is not there`);
      done(counted.failed > 0 ? EXIT.wrong : EXIT.ok);
    });
  return withExamples(command, [
    ["weirctl get policies", "all that count on this node; exit code 1 if the switch refused one"],
    ["weirctl get policies shop/db", "one with every rule: packets, last hit, since when it is counted"],
    ["weirctl get policies -o json | jq '.[].rules[] | select(.packets == 0)'", "rules that were never hit"],
  ]);
}

function pathFor(name: string | undefined): string {
  if (name === undefined) return "/v1/policies";
  return `/v1/policies?${new URLSearchParams({ name })}`;
}

async function* count(
  policies: AsyncIterable<PolicyReport>,
  counted: { policies: number; failed: number },
): AsyncGenerator<PolicyReport> {
  for await (const policy of policies) {
    counted.policies++;
    if (policy.state === "failed") counted.failed++;
    yield policy;
  }
}

async function list(io: Io, policies: AsyncIterable<PolicyReport>): Promise<void> {
  const rows: string[][] = [];
  for await (const policy of policies) rows.push(rowOf(policy));
  if (rows.length === 0) io.say("no policies");
  else await io.write(formatTable(HEADER, rows));
}

function rowOf(policy: PolicyReport): string[] {
  const { kind, name, pods, directions, rules, state, packets, lastHit, denied, problems } = policy;
  return [
    ...[kind, name, String(pods.length), directions.join(","), String(rules.length), state, String(packets)],
    ...[lastHit ?? "never", String(denied), String(problems.length)],
  ];
}

function describe(policy: PolicyReport): string {
  const { kind, name, generation, state, since, reason, pods, directions, denied, lastDenied, problems } = policy;
  const refusal = reason === undefined ? "" : `: ${reason}`;
  const rows = [
    ["generation", String(generation)],
    ["state", `${state}${since === undefined ? "" : ` since ${since}`}${refusal}`],
    ["directions", directions.join(", ")],
    ["pods", pods.join(", ")],
    ["denied", `${denied} packets${lastDenied === undefined ? "" : `, the last ${lastDenied}`}`],
    ...problems.map((problem) => ["problem", problem]),
    ...policy.rules.map((rule) => [
      `${rule.direction}[${rule.index}]`,
      `${rule.verdict} ${rule.rule}: ${describeHits(rule)}`,
    ]),
  ];
  return formatTable([kind, name], rows);
}

function describeHits({ packets, bytes, lastHit, since }: RuleReport): string {
  if (since === undefined) return "no flow of it is in the switch";
  if (lastHit === undefined) return `never hit since ${since}`;
  return `${packets} packets, ${bytes} bytes, the last ${lastHit}`;
}
