import { Command } from "commander";
import { withExamples } from "../examples.ts";
import type { Io } from "../io.ts";

export function parseFlowsCommand(io: Io): Command {
  const command = new Command("parse-flows")
    .summary("read flows as ovs-ofctl does, and print what it would send")
    .description(
      "read flows as ovs-ofctl add-flows does, one a line, and print them as the messages of OpenFlow 1.5 that they are. A flow " +
        "that is none is told on stderr with its line and the word that is wrong; then nothing is printed, and the exit code is 1",
    )
    .argument("<file>", 'the file, "-" for stdin')
    .action(async (file: string) => {
      // Loaded when needed: the other commands start without the codecs.
      const { printFlows } = await import("../print-flows.ts");
      await printFlows(io, file);
    });
  return withExamples(command, [["weirctl parse-flows flows.txt", "what a file of flows says"]]);
}
