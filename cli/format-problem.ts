import type { Problem } from "#pipeline/problem.ts";

/** "Pod default/web: status.podIPs[0].ip: is ...": a problem as a message. */
export function formatProblem({ object, field, message }: Problem): string {
  return field === "" ? `${object}: ${message}` : `${object}: ${field}: ${message}`;
}
