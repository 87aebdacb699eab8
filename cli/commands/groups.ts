import { Command } from "commander";
import type { GroupEntry } from "#controller/node/http/node-view.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { formatReason } from "../reason.ts";
import { socketOption } from "../socket-option.ts";

interface GroupsOptions {
  readonly owner?: string;
  readonly socket: string;
  readonly output: OutputFormat;
}

export function groupsCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("groups")
    .summary("the live groups, with reasons")
    .description(
      "the groups of the switch, which choose endpoints, each with who it is for and the packets that each bucket got; what should be " +
        "there and is not is marked",
    )
    .option("--owner <kind/name>", "only groups of this object: service/shop/db")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async ({ owner, socket, output }: GroupsOptions) => {
      const path = owner === undefined ? "/v1/groups" : `/v1/groups?${new URLSearchParams({ owner })}`;
      const counted = { groups: 0, failed: 0 };
      const groups = count(createNodeClient(socket).lines<GroupEntry>(path), counted);
      await writeAll(io, output === "json" ? jsonArray(groups) : formatGroups(groups));
      if (counted.groups === 0) throw new CliError(EXIT.wrong, "no group matches");
      done(counted.failed > 0 ? EXIT.wrong : EXIT.ok);
    });
  return withExamples(command, [
    ["weirctl groups", "every group of the bridge"],
    ["weirctl groups --owner service/shop/db", "those that choose for one service"],
  ]);
}

async function* count(
  groups: AsyncIterable<GroupEntry>,
  counted: { groups: number; failed: number },
): AsyncGenerator<GroupEntry> {
  for await (const group of groups) {
    counted.groups++;
    if (group.status === "failed") counted.failed++;
    yield group;
  }
}

async function* formatGroups(groups: AsyncIterable<GroupEntry>): AsyncGenerator<string> {
  for await (const { group, bucketPackets, owners, site, status, reason } of groups) {
    const packets = bucketPackets === undefined ? "" : `, packets of its buckets: ${bucketPackets.join(" ")}`;
    const refusal = reason === undefined ? "" : ` (${reason})`;
    const state = status === "installed" ? "" : `${status.toUpperCase()}${refusal} `;
    yield `${group}  # ${state}${formatReason(site, owners)}${packets}\n`;
  }
}
