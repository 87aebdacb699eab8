import { Command, Option } from "commander";
import { parseCidr } from "#base/address.ts";
import type { CompileOptions } from "../compile-folder.ts";
import { usageError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { outputOption } from "../output.ts";

export function compileCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("compile")
    .summary("what a folder of manifests means, as flows")
    .description(
      "what a folder of Kubernetes manifests means for one node, as flows that ovs-ofctl add-flows accepts. Ports and MACs " +
        "of its pods, and addresses that no status tells, are assumed, and said in comments. Exit code 1 if something in the " +
        "folder is wrong; what is right is compiled all the same",
    )
    .argument("<folder>", "manifests: files of YAML or JSON, subfolders too")
    .option("--node <name>", "the node to compile for; needed when the folder has several")
    .addOption(
      new Option("--encapsulation <when>", "as traffic.encapsulation in the configuration")
        .choices(["always", "never", "hybrid"])
        .default("always"),
    )
    .option(
      "--underlay <address/length>",
      "the node's own address with its subnet's length, for hybrid and never: peers in it are reached directly; may be repeated",
      (text: string, before: readonly string[]) => [...before, checkUnderlay(text)],
      [],
    )
    .addOption(outputOption())
    .action(async (folder: string, options: CompileOptions) => {
      // Loaded when needed: the other commands start without the pipeline.
      const { compileFolder } = await import("../compile-folder.ts");
      done(await compileFolder(io, folder, options));
    });
  return withExamples(command, [
    ["weirctl compile examples --node n1", "the flows of node n1"],
    [
      "weirctl compile examples --node n1 > n1.flows && ovs-ofctl -O OpenFlow15 add-flows br0 n1.flows",
      "onto a bridge",
    ],
    [
      "weirctl compile examples --node n1 --encapsulation hybrid --underlay 172.18.0.1/24",
      "direct routes in the subnet",
    ],
    ["weirctl compile examples --node n1 -o json | jq '.flows[].owners'", "for a program"],
  ]);
}

function checkUnderlay(text: string): string {
  if (parseCidr(text) === undefined)
    throw usageError(`--underlay ${text}: an address with a length is needed, such as 172.18.0.1/24`);
  return text;
}
