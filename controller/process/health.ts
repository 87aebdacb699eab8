/** One thing that must be so. */
export interface Check {
  readonly name: string;
  /** Undefined when it is so; else what is not, and since when if that is known. */
  check(): string | undefined;
}

export interface Health {
  /** Whether a restart would help: never a question of the API server or the switch being away. */
  readonly live: readonly Check[];
  /** Whether pods can be plugged in. */
  readonly ready: readonly Check[];
}

/** How one thing is. */
export interface CheckEntry {
  readonly name: string;
  readonly ok: boolean;
  readonly message?: string;
}

export function runChecks(checks: readonly Check[]): CheckEntry[] {
  return checks.map(({ name, check }) => {
    const message = check();
    return message === undefined ? { name, ok: true } : { name, ok: false, message };
  });
}

/** The text that Kubernetes' own components give: "ok", or one line a check. */
export function formatChecks(endpoint: string, checks: readonly CheckEntry[], verbose: boolean): string {
  const failed = checks.some((check) => !check.ok);
  if (!failed && !verbose) return "ok\n";
  const lines = checks.map(({ name, ok, message }) => (ok ? `[+]${name} ok` : `[-]${name} failed: ${message ?? ""}`));
  return `${[...lines, `${endpoint} check ${failed ? "failed" : "passed"}`].join("\n")}\n`;
}
