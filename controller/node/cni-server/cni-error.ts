import { WeirError } from "#base/errors.ts";

/** CNI 1.1 section "Error", and 100 and above for our own. */
export const CNI_CODES = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  tryAgain: 11,
  unavailable: 50,
  failed: 100,
  checkFailed: 101,
} as const;
export type CniCode = keyof typeof CNI_CODES;

/** What a runtime is told: `message` in a few words, `hint` with what would be right. */
export class CniError extends WeirError {
  readonly number: number;
  readonly hint: string;

  constructor(code: CniCode, message: string, hint = "", cause?: unknown) {
    super(`E_CNI_${code.replace(/[A-Z]/g, "_$&").toUpperCase()}`, message, { hint }, cause);
    this.number = CNI_CODES[code];
    this.hint = hint;
  }
}
