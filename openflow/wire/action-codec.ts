import type { Action } from "#openflow/actions.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

export type ActionType = Action["type"];
export type ActionOf<T extends ActionType> = Extract<Action, { readonly type: T }>;

/** What follows an action's header, up to its padding to 8 bytes. */
export interface ActionBody<T extends ActionType> {
  /** OFPAT_* number, or a Nicira NXAST_* subtype. */
  readonly number: number;
  readonly nicira?: true;
  encode(w: Writer, action: ActionOf<T>): void;
  decode(r: Reader): ActionOf<T>;
}

export function action<T extends ActionType>(body: ActionBody<T>): ActionBody<T> {
  return body;
}

/** Start and size of a run of bits as Nicira actions hold them in 16 bits. */
export function encodeBits(start: number, bits: number): number {
  return (start << 6) | (bits - 1);
}

export function decodeBits(packed: number): { readonly start: number; readonly bits: number } {
  return { start: packed >> 6, bits: (packed & 63) + 1 };
}
