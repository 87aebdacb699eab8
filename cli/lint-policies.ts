import { type Finding, SEVERITIES, type Severity } from "#pipeline/explain/lint/finding.ts";
import { lint } from "#pipeline/explain/lint/lint.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, writeAll } from "./io.ts";
import { openManifests } from "./manifests.ts";
import { jsonDocument, type OutputFormat } from "./output.ts";

export interface LintOptions {
  readonly failOn: Severity;
  readonly output: OutputFormat;
}

/** Writes what is wrong with the policies, or probably not meant. */
export async function lintPolicies(
  io: Io,
  source: string | ClusterSource,
  { failOn, output }: LintOptions,
): Promise<ExitCode> {
  const { changes, cluster, problems } = await openManifests({ ...io, say: () => {} }, source);
  const findings = lint(changes, cluster, problems);
  if (output === "json") await io.write(jsonDocument(findings));
  else await writeAll(io, asText(findings));
  const isGrave = ({ severity }: Finding) => SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(failOn);
  return findings.some(isGrave) ? EXIT.wrong : EXIT.ok;
}

function* asText(findings: readonly Finding[]): Generator<string> {
  for (const { severity, check, object, field, message, remedy } of findings)
    yield `${severity}: ${object}${field === "" ? "" : `: ${field}`} ${message} [${check}]\n    ${remedy}\n`;
  const counts = SEVERITIES.toReversed().map((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    return `${count} ${severity}${severity !== "info" && count !== 1 ? "s" : ""}`;
  });
  yield `${findings.length === 0 ? "nothing found" : counts.join(", ")}\n`;
}
