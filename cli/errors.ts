import { WeirError } from "#base/errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** Ends the command with a message for the person and a code for the shell. */
export class CliError extends WeirError {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(`E_CLI_${exitCode}`, message, {}, cause);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CliError {
  return new CliError(EXIT.usage, message);
}

/** Whoever read our output has gone, as `head` does: there is nobody left to write for. */
export class PipeClosed extends WeirError {
  constructor() {
    super("E_PIPE_CLOSED", "the reader of the output has gone");
  }
}
