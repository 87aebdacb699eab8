import { Command } from "commander";
import { type ClusterOptions, chooseSource, withClusterOptions } from "../cluster-option.ts";
import { usageError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { MANIFESTS } from "../manifests-argument.ts";
import { type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";
import { stagedOption } from "../staged-option.ts";

interface ExplainOptions extends ClusterOptions {
  readonly live?: true;
  readonly staged?: true;
  readonly socket: string;
  readonly output: OutputFormat;
}

export function explainCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("explain")
    .summary("why traffic passes or not, from manifests or live")
    .description(
      "which policy and which of its rules let traffic pass or stop it, in both directions, and what would have to be " +
        "otherwise for it to pass. An end is a pod (shop/web), labels (shop/app=web, */tier in (a,b), shop/*) or an address; who receives " +
        "may be a service (svc/shop/db, or an address of it), which leads to the endpoints that it may choose, or a name (example.com), " +
        "at the addresses that pods were told, or as policies have it where none is known; " +
        "the port a number or a container port's name, TCP unless a protocol is given. Without a port every port is told that a " +
        "policy names. Exit code 1 if an end is not there, or something in the manifests is wrong",
    )
    .argument("<source>", "who sends")
    .argument("<destination[:port[/protocol]]>", "who receives; an IPv6 address with a port stands in brackets")
    .argument("[folder]", `${MANIFESTS} (default: ".")`)
    .option(
      "--live",
      "ask the running node instead, which also tells the flows of the rules that decide, with their packets",
    )
    .addOption(stagedOption())
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (source: string, destination: string, folder: string | undefined, options: ExplainOptions) => {
      const { live, socket, output } = options;
      const where = chooseSource(folder, options);
      if (live && options.staged)
        throw usageError("--live is told as it is in force; --staged is for manifests and --cluster");
      if (live && where !== ".") throw usageError("--live, a folder or --cluster: one of them");
      // Loaded when needed: the other commands start without the pipeline.
      if (live) return (await import("../explain-live.ts")).explainLive(io, source, destination, socket, output);
      const { explainManifests } = await import("../explain-manifests.ts");
      done(await explainManifests(io, source, destination, where, options));
    });
  return withExamples(withClusterOptions(command, "ask about a cluster"), [
    ["weirctl explain shop/web shop/db:5432 manifests", "may it, and why?"],
    ["weirctl explain shop/app=web tools/*:53/UDP manifests", "each pod with the label, to each of a namespace"],
    ["weirctl explain shop/web [2001:db8::1]:443 manifests -o json", "to an address, for a program"],
    ["weirctl explain shop/web svc/shop/db:5432 manifests", "through a service: to which endpoints, and may it?"],
    ["weirctl explain shop/web example.com:443 manifests", "by name, as domainNames of policies have it"],
    ["weirctl explain shop/web shop/db:5432 --live", "as this node has it now, with flows and packets"],
    ["weirctl explain shop/web svc/shop/db:5432 --cluster", "in your cluster, as you may see it"],
  ]);
}
