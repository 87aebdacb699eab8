import { readFile } from "node:fs/promises";
import { encode, FlowSyntaxError, formatMessage, parseFlow } from "#openflow/index.ts";
import { FLOW_MOD_DEFAULTS } from "#openflow/messages/flow-mod.ts";
import { formatProtocols, usableProtocols } from "#openflow/text/usable-protocols.ts";
import { CliError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";

const ALL_PROTOCOLS = 0x1ff;

/** Prints the flows of a file, or of stdin for "-", as `ovs-ofctl -O OpenFlow15 parse-flows` does: all of them or none. */
export async function printFlows(io: Io, file: string): Promise<void> {
  const lines = await readLines(io, file);
  let usable = ALL_PROTOCOLS;
  const messages: string[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.replace(/#.*/, "").trim();
    if (text === "") continue;
    try {
      const flow = parseFlow(text);
      usable &= usableProtocols(flow, text);
      const message = { ...FLOW_MOD_DEFAULTS, ...flow, type: "flow_mod", command: "add" } as const;
      messages.push(formatMessage(encode(message, messages.length + 1)));
    } catch (error) {
      if (!(error instanceof FlowSyntaxError)) throw error;
      throw new CliError(EXIT.wrong, `${file}:${index + 1}: ${error.message}`);
    }
  }
  const head = `usable protocols: ${formatProtocols(usable)}\nchosen protocol: OXM-OpenFlow15\n`;
  await writeAll(io, [head, ...messages]);
}

async function readLines(io: Io, file: string): Promise<readonly string[]> {
  if (file !== "-") {
    const text = await readFile(file, "utf8").catch((error: Error) => {
      throw new CliError(EXIT.wrong, `${file}: ${error.message}`);
    });
    return text.split("\n");
  }
  const lines: string[] = [];
  for await (const line of io.lines()) lines.push(line);
  return lines;
}
