import { PassThrough, Readable } from "node:stream";
import { createIo } from "#cli/io.ts";
import { runWeirctl } from "#cli/program.ts";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs weirctl in this process, with `input` on its stdin. */
export async function weirctl(argv: readonly string[], input = ""): Promise<Outcome> {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const texts = { out: "", err: "" };
  streams.stdout.setEncoding("utf8").on("data", (text: string) => (texts.out += text));
  streams.stderr.setEncoding("utf8").on("data", (text: string) => (texts.err += text));
  const io = createIo({ stdin: Readable.from([input]), ...streams, env: {} });
  const code = await runWeirctl(argv, io, "0.1.0");
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...texts };
}
