import type { Codec } from "#openflow/wire/codec.ts";
import type { OPENFLOW_VERSION } from "./handshake.ts";

export type VersionName = keyof typeof OPENFLOW_VERSION;

/** The lengths that a body may have: `least` bytes, or more by a `multiple` of bytes; 0 for no more. */
export interface Lengths {
  readonly least: number;
  readonly multiple: number;
}

export interface Layout<T> extends Lengths {
  /** The first version that has it so; all later ones have it too. "all" are also those that nobody knows yet. */
  readonly since: VersionName | "all";
  readonly body: Codec<T>;
}

export function exactly<T>(length: number, body: Codec<T>, since: Layout<T>["since"] = "1.5"): Layout<T> {
  return { least: length, multiple: 0, since, body };
}

export function atLeast<T>(length: number, body: Codec<T>, since: Layout<T>["since"] = "1.5"): Layout<T> {
  return { least: length, multiple: 1, since, body };
}

/** `length` bytes, and then whole pieces of `step` bytes. */
export function inSteps<T>(length: number, step: number, body: Codec<T>, since: Layout<T>["since"] = "1.5"): Layout<T> {
  return { least: length, multiple: step, since, body };
}

export function fits({ least, multiple }: Lengths, length: number): boolean {
  if (multiple === 0) return length === least;
  return length >= least && (length - least) % multiple === 0;
}
