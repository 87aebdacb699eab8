import type { FieldValue, Match } from "#openflow/match.ts";
import { REGISTERS } from "../layout/registers.ts";

/** What the switch tells of a packet: the marks that it had, and its first bytes. */
export interface ToldPacket {
  readonly metadata: Match;
  readonly data: Uint8Array;
}

export function readRegister(metadata: Match, name: keyof typeof REGISTERS): number {
  const { register, start, bits } = REGISTERS[name];
  return Math.floor(readNumber(metadata, register) / 2 ** start) % 2 ** bits;
}

/** 0 for a field of which nothing is told. */
export function readNumber(metadata: Match, name: string): number {
  return Number(readField(metadata, name) ?? 0);
}

export function readField(metadata: Match, name: string): FieldValue | undefined {
  const term = metadata.find(({ field }) => field === name);
  return term === undefined || !("value" in term) ? undefined : term.value;
}
