import { Command } from "commander";
import { describeError } from "#base/errors.ts";
import type { CookieEntry } from "#controller/node/http/node-view.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, writeAll } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { jsonArray, type OutputFormat, outputOption } from "../output.ts";
import { formatReason } from "../reason.ts";
import { socketOption } from "../socket-option.ts";

interface AnnotatedLine {
  readonly line: string;
  /** Absent where the line is no flow. */
  readonly cookie?: string;
  readonly site?: string;
  readonly why?: string;
  readonly owners?: readonly string[];
}

export function annotateCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("annotate")
    .summary("add reasons to a flow dump on stdin")
    .description(
      "add to each flow of a dump on stdin who it is for and why, as a comment behind it; other lines pass unchanged. " +
        "Owners come from the node process; without it the reasons alone are told, and the exit code is 3",
    )
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async ({ socket, output }: { socket: string; output: OutputFormat }) => {
      const owners = await readOwners(io, socket);
      const lines = annotate(io.lines(), owners ?? new Map());
      await writeAll(io, output === "json" ? jsonArray(lines) : formatLines(lines));
      done(owners === undefined ? EXIT.unreachable : EXIT.ok);
    });
  return withExamples(command, [
    ["ovs-ofctl dump-flows br-weir | weirctl annotate", "why is each flow there?"],
    ["ovs-ofctl --names dump-flows br-weir table=Route | weirctl annotate", "one table, with names"],
  ]);
}

async function readOwners(io: Io, socket: string): Promise<ReadonlyMap<bigint, readonly string[]> | undefined> {
  const owners = new Map<bigint, readonly string[]>();
  try {
    for await (const entry of createNodeClient(socket).lines<CookieEntry>("/v1/owners")) {
      owners.set(BigInt(entry.cookie), entry.owners);
    }
    return owners;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    io.say(`${describeError(error)}; reasons are told without owners`);
    return undefined;
  }
}

async function* annotate(
  lines: AsyncIterable<string>,
  owners: ReadonlyMap<bigint, readonly string[]>,
): AsyncGenerator<AnnotatedLine> {
  for await (const line of lines) {
    const cookie = /\bcookie=(0x[0-9a-f]{1,16}|\d{1,20})\b/.exec(line)?.[1];
    if (cookie === undefined || !line.includes("actions=")) {
      yield { line };
      continue;
    }
    const site = siteOfCookie(BigInt(cookie));
    yield { line, cookie, ...site, owners: owners.get(BigInt(cookie)) ?? [] };
  }
}

async function* formatLines(lines: AsyncIterable<AnnotatedLine>): AsyncGenerator<string> {
  for await (const { line, cookie, site, owners } of lines) {
    yield cookie === undefined ? `${line}\n` : `${line}  # ${formatReason(site, owners ?? [])}\n`;
  }
}
