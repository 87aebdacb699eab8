import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Open vSwitch's own tool, as the judge of bytes and text. It needs no switch; one process takes many cases. */
function ofctl(args: readonly string[], input?: string): string {
  const options = { encoding: "utf8", maxBuffer: 1 << 28, ...(input === undefined ? {} : { input }) } as const;
  return execFileSync("ovs-ofctl", args, { ...options, stdio: "pipe" });
}

function withFile<T>(content: string | Uint8Array, body: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "weir-ofctl-"));
  try {
    const file = join(folder, "input");
    writeFileSync(file, content);
    return body(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each message as `ofp-print` has it, on one line or several. */
export function printMessages(messages: readonly Uint8Array[]): readonly string[] {
  const text = withFile(Buffer.concat(messages), (file) => ofctl(["ofp-parse", file]));
  return text.split(/^(?=OFPT_|NXT_|OFPST_)/m).map((message) => message.trimEnd());
}

export interface JudgedActions {
  /** What stands behind "actions=", or the error. */
  readonly text: string;
  /** Where the bytes differ from those that Open vSwitch writes for the same actions. */
  readonly differences: readonly string[];
}

/** Encoded actions, a list a line. */
export function judgeActions(lists: readonly Uint8Array[], version = "OpenFlow15"): readonly JudgedActions[] {
  const input = lists.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`).join("");
  const blocks = ofctl(["parse-actions", version], input).trimEnd().split("\n\n");
  return blocks.map((block) => {
    const [text = "", ...differences] = block.split("\n");
    return { text: text.replace(/^actions=/, ""), differences };
  });
}

/** Flows as text, as `add-flows` reads them and a switch would print them. Throws where one is refused. */
export function normalizeFlows(lines: readonly string[]): readonly string[] {
  const text = withFile(`${lines.join("\n")}\n`, (file) => ofctl(["-O", "OpenFlow15", "parse-flows", file]));
  return text
    .split("\n")
    .filter((line) => line.startsWith("OFPT_FLOW_MOD"))
    .map((line) => line.replace(/^OFPT_FLOW_MOD \(OF1.5\) \(xid=0x[0-9a-f]+\): /, ""));
}

/** Whether ovs-ofctl takes a flow, as a flow that it would send in OpenFlow 1.5. */
export function accepts(line: string): boolean {
  try {
    return !normalizeFlows([line]).some((text) => text.includes("***decode error"));
  } catch {
    return false;
  }
}
