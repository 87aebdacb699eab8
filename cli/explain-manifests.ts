import { ask, readQuestion } from "#pipeline/explain/ask.ts";
import { stagedCluster } from "#pipeline/explain/staged-world.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { CliError, usageError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { formatExplanations } from "./format-explanations.ts";
import { formatServiceExplanations } from "./format-service-explanations.ts";
import { type Io, writeAll } from "./io.ts";
import { openManifests } from "./manifests.ts";
import { jsonDocument, type OutputFormat } from "./output.ts";

/** Writes why traffic between the two ends passes or not, by manifests. */
export async function explainManifests(
  io: Io,
  from: string,
  to: string,
  source: string | ClusterSource,
  { output, staged }: { readonly output: OutputFormat; readonly staged?: true },
): Promise<ExitCode> {
  const question = readQuestion(from, to);
  if ("refusal" in question) throw usageError(question.refusal);
  const { cluster, problems } = await openManifests(io, source);
  const answer = ask(staged ? stagedCluster(cluster) : cluster, question);
  if ("refusal" in answer) throw new CliError(EXIT.wrong, answer.refusal);
  const all = "services" in answer ? answer.services : answer.explanations;
  if (output === "json") await io.write(jsonDocument(all));
  else if ("services" in answer) await writeAll(io, formatServiceExplanations(answer.services));
  else await writeAll(io, formatExplanations(answer.explanations));
  return problems.length > 0 ? EXIT.wrong : EXIT.ok;
}
