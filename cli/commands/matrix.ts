import { Command, Option } from "commander";
import { type PortClass, parsePort } from "#pipeline/explain/port-classes.ts";
import { type ClusterOptions, chooseSource, withClusterOptions } from "../cluster-option.ts";
import { usageError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { MANIFESTS } from "../manifests-argument.ts";
import { type OutputFormat, outputOption } from "../output.ts";
import { stagedOption } from "../staged-option.ts";

export interface MatrixOptions {
  readonly port: readonly PortClass[];
  readonly by: "pod" | "workload";
  readonly staged?: true;
  readonly output: OutputFormat;
}

export function matrixCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("matrix")
    .summary("who may talk to whom, from manifests")
    .description(
      "who may talk to whom by the policies of a folder of manifests. Without --port every port is told that a policy " +
        "names, and all others together. A workload is the pods of a namespace that have the same labels, apart from those that " +
        "controllers give each pod. Exit code 1 if something in the manifests is wrong",
    )
    .argument("[folder]", `${MANIFESTS} (default: ".")`)
    .option(
      "--port <port[/protocol]>",
      "80, 80/TCP, 53/UDP; may be repeated",
      (text: string, before: readonly PortClass[]) => [...before, checkPort(text)],
      [],
    )
    .addOption(new Option("--by <what>", "rows and columns").choices(["pod", "workload"]).default("pod"))
    .addOption(stagedOption())
    .addOption(outputOption())
    .action(async (folder: string | undefined, options: MatrixOptions & ClusterOptions) => {
      const { printMatrix } = await import("../print-matrix.ts");
      done(await printMatrix(io, chooseSource(folder, options), options));
    });
  return withExamples(withClusterOptions(command, "that of a cluster"), [
    ["weirctl matrix manifests --port 80", "a table: + passes, x is denied"],
    ["weirctl matrix manifests --by workload", "one row for pods with the same labels, every port that a policy names"],
    ["weirctl matrix --port 80/TCP --port 53/UDP -o json manifests", '[{"from","to","port","verdict","by"}]'],
    ["weirctl matrix --cluster --by workload", "in your cluster"],
  ]);
}

function checkPort(text: string): PortClass {
  const port = parsePort(text);
  if (port === undefined)
    throw usageError(`--port ${text}: a port from 1 to 65535 is needed, such as 80/TCP or 53/UDP`);
  return port;
}
