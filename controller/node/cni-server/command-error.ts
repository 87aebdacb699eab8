import { WeirError } from "#base/errors.ts";

/** A program ended badly; `complaint` is what it said about it. */
export class CommandError extends WeirError {
  readonly exitCode: number;

  constructor(command: string, exitCode: number, complaint: string) {
    super("E_COMMAND", `${command}: ${complaint.trim() || `exit code ${exitCode}`}`, { command, exitCode });
    this.exitCode = exitCode;
  }
}
