/**
 * Every error that Weir throws on purpose: a stable `code` to search for, a message for a person, structured `details`.
 * Expected outcomes are return values (problems); these are for broken peers, bad calls and bugs.
 */
export abstract class WeirError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** The text of anything thrown, with its chain of causes, on one line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}
