import { WeirError } from "#base/errors.ts";

/** A value that the wire cannot carry. */
export class EncodeError extends WeirError {
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super("E_OF_ENCODE", message, details);
  }
}

/** Bytes that are no OpenFlow: where in the message, what was expected, what was found. */
export class DecodeError extends WeirError {
  readonly path: string;
  /** The error that a switch would answer with, such as OFPBRC_BAD_LEN, where it is known. */
  readonly refusal: string | undefined;

  constructor(path: string, offset: number, message: string, hex: string, refusal?: string) {
    super("E_OF_DECODE", `${path || "message"} at byte ${offset}: ${message}`, { path, offset, hex });
    this.path = path;
    this.refusal = refusal;
  }
}

/** The switch answered a message with OFPT_ERROR. */
export class OpenFlowError extends WeirError {
  readonly errorType: number;
  readonly errorCode: number;

  constructor(errorType: number, errorCode: number, name: string) {
    super("E_OF_REFUSED", name, { errorType, errorCode });
    this.errorType = errorType;
    this.errorCode = errorCode;
  }
}

/** The connection is gone, or never came to be. */
export class ConnectionError extends WeirError {
  constructor(message: string, cause?: unknown) {
    super("E_OF_CONNECTION", message, {}, cause);
  }
}

/** Text that is no flow: the word that is wrong, and why. */
export class FlowSyntaxError extends WeirError {
  readonly word: string;
  readonly reason: string;
  /** Counted from 1, where many flows were read. */
  readonly line: number | undefined;

  constructor(word: string, reason: string, line?: number) {
    super("E_OF_FLOW_SYNTAX", `${line === undefined ? "" : `line ${line}: `}"${word}": ${reason}`, {
      word,
      reason,
      line,
    });
    this.word = word;
    this.reason = reason;
    this.line = line;
  }
}
