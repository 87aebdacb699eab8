import { Command } from "commander";
import { withExamples } from "../examples.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, outputOption } from "../output.ts";

export function ofpPrintCommand(io: Io, done: (code: ExitCode) => void): Command {
  const command = new Command("ofp-print")
    .summary("print OpenFlow messages as ovs-ofctl does")
    .description(
      "print OpenFlow messages as ovs-ofctl does. Without arguments: one message in hexadecimal a line on stdin, each text " +
        "followed by an empty line; what is no message is told on stderr, and the exit code is 1",
    )
    .argument("[hex...]", "a message in hexadecimal; spaces, colons and 0x between the digits do no harm")
    .addOption(outputOption())
    .action(async (words: string[], { output }: { output: OutputFormat }) => {
      // Loaded when needed: the other commands start without the codecs.
      const { printMessages } = await import("../print-messages.ts");
      done(await printMessages(io, words, output));
    });
  return withExamples(command, [
    ["weirctl ofp-print 0602000800000001", "one message"],
    ["weirctl ofp-print < messages.hex", "many, one a line"],
  ]);
}
