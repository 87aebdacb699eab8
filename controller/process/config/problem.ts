import { WeirError } from "#base/errors.ts";

/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** Where: "traffic.mtu"; "" for the file as a whole. */
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
  /** The value that is there, as text. */
  readonly found: string;
  /** What would be right. */
  readonly expected: string;
}

/** Everything wrong with a configuration, found in one go. */
export class ConfigError extends WeirError {
  readonly problems: readonly ConfigProblem[];

  constructor(origin: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = problems.map((problem) => `  ${formatConfigProblem(origin, problem)}`);
    super("E_CONFIG", `${origin}: ${count}\n${lines.join("\n")}`, { origin, problems });
    this.problems = problems;
  }
}

/** "weir.yaml:3:8: traffic.mtu: found "big", expected a whole number". */
export function formatConfigProblem(origin: string, problem: ConfigProblem): string {
  const place = problem.line === undefined ? origin : `${origin}:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === "" ? "" : `${problem.path}: `;
  return `${place}: ${path}found ${problem.found}, expected ${problem.expected}`;
}
