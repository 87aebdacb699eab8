import { describeError } from "#base/errors.ts";
import { printMessage } from "#openflow/index.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";
import { jsonArray, type OutputFormat } from "./output.ts";

interface Printed {
  readonly hex: string;
  readonly text?: string;
  readonly error?: string;
}

/** Prints each word, or without words each line of stdin, as the OpenFlow message that it is. */
export async function printMessages(io: Io, words: readonly string[], output: OutputFormat): Promise<ExitCode> {
  let failed = false;
  const fromStdin = words.length === 0;
  async function* printAll(): AsyncGenerator<Printed> {
    let number = 0;
    for await (const hex of fromStdin ? io.lines() : words) {
      number++;
      if (hex.trim() === "") continue;
      const printed = printHex(hex);
      if (printed.error !== undefined) {
        failed = true;
        io.say(`${fromStdin ? "line" : "argument"} ${number}: ${printed.error}`);
      }
      yield printed;
    }
  }
  await writeAll(io, output === "json" ? jsonArray(printAll()) : formatAll(printAll(), fromStdin));
  return failed ? EXIT.wrong : EXIT.ok;
}

async function* formatAll(messages: AsyncIterable<Printed>, separated: boolean): AsyncGenerator<string> {
  for await (const { text } of messages) {
    if (text === undefined) continue;
    yield text.endsWith("\n") ? text : `${text}\n`;
    if (separated) yield "\n";
  }
}

function printHex(word: string): Printed {
  const hex = word.replaceAll(/[\s:]|0x/gi, "");
  const stray = /[^0-9a-f]/i.exec(hex)?.[0];
  if (stray !== undefined) return { hex: word, error: `${JSON.stringify(stray)} is no hexadecimal digit` };
  if (hex.length % 2 === 1) return { hex: word, error: `${hex.length} hexadecimal digits; a byte has two` };
  const { text, problem } = printMessage(Buffer.from(hex, "hex"));
  return problem === undefined ? { hex, text } : { hex, text, error: describeError(problem) };
}
