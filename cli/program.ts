import { Command, CommanderError } from "commander";
import { describeError, WeirError } from "#base/errors.ts";
import { annotateCommand } from "./commands/annotate.ts";
import { compileCommand } from "./commands/compile.ts";
import { explainCommand } from "./commands/explain.ts";
import { flowsCommand } from "./commands/flows.ts";
import { getCommand } from "./commands/get.ts";
import { groupsCommand } from "./commands/groups.ts";
import { matrixCommand } from "./commands/matrix.ts";
import { ofpPrintCommand } from "./commands/ofp-print.ts";
import { parseFlowsCommand } from "./commands/parse-flows.ts";
import { policyCommand } from "./commands/policy.ts";
import { statusCommand } from "./commands/status.ts";
import { CliError, PipeClosed } from "./errors.ts";
import { withExamples } from "./examples.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";

const EXIT_CODES = `
Exit codes:
  ${EXIT.ok}  it went well
  ${EXIT.wrong}  something is wrong with what was asked about, or it is not there
  ${EXIT.usage}  the command line is wrong, or expectations or manifests that policy test and policy diff are given
  ${EXIT.unreachable}  the node process, or the API server, does not answer
Results go to stdout, messages to stderr.`;

/** Runs one command line (without "node" and "weirctl") and tells the exit code. Throws nothing that a user could cause. */
export async function runWeirctl(argv: readonly string[], io: Io, version: string): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const help: string[] = [];
  const program = createProgram(io, version, (code) => {
    exitCode = code;
  });
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => help.push(text),
      writeErr: (text) => (text.startsWith("error: ") ? io.say(text.slice(7).trimEnd()) : io.show(text)),
    });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, io, help);
  }
}

async function exitCodeOf(error: unknown, io: Io, help: readonly string[]): Promise<ExitCode> {
  if (error instanceof PipeClosed) return EXIT.ok;
  if (error instanceof CommanderError) {
    // Asked for with --help or --version; everything else that commander throws is a wrong command line.
    if (error.exitCode !== 0) return EXIT.usage;
    return io.write(help.join("")).then(
      () => EXIT.ok,
      () => EXIT.ok,
    );
  }
  io.say(
    error instanceof WeirError || !(error instanceof Error) ? describeError(error) : (error.stack ?? error.message),
  );
  return error instanceof CliError ? error.exitCode : EXIT.wrong;
}

function createProgram(io: Io, version: string, done: (code: ExitCode) => void): Command {
  const program = new Command("weirctl")
    .description("Weir at the command line: what manifests mean as flows, and what a node does and why.")
    .version(version, "--version", "the version")
    .helpOption("-h, --help", "this text, or a command's own")
    .showHelpAfterError("(add --help for usage and examples)")
    .addCommand(statusCommand(io, done))
    .addCommand(getCommand(io, done))
    .addCommand(flowsCommand(io, done))
    .addCommand(groupsCommand(io, done))
    .addCommand(annotateCommand(io, done))
    .addCommand(compileCommand(io, done))
    .addCommand(explainCommand(io, done))
    .addCommand(matrixCommand(io, done))
    .addCommand(policyCommand(io, done))
    .addCommand(ofpPrintCommand(io, done))
    .addCommand(parseFlowsCommand(io));
  return withExamples(program, [
    ["weirctl compile examples --node n1", "what manifests mean, without a cluster"],
    ["weirctl explain shop/web shop/db:5432 manifests", "may it, by which policy, and what is missing"],
    ["weirctl status", "how this node does"],
    ["weirctl flows --pod default/web", "the live flows of a pod, with reasons"],
    ["ovs-ofctl dump-flows br-weir | weirctl annotate", "the reasons beside a plain dump"],
  ]).addHelpText("after", EXIT_CODES);
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
