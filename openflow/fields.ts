/**
 * The match fields: one row each, in the order of Open vSwitch's canonical match text. Names are those of ovs-fields(7).
 * `oxm` and `nxm` are [class, number]; a field with both is written as OXM and read as either.
 */
export const OXM_CLASS = {
  NXM_0: 0x0000,
  NXM_1: 0x0001,
  OPENFLOW_BASIC: 0x8000,
  PACKET_REGS: 0x8001,
  EXPERIMENTER: 0xffff,
} as const;

export type FieldFormat =
  | "decimal"
  | "hexadecimal"
  | "ethernet"
  | "ipv4"
  | "ipv6"
  | "port"
  | "frag"
  | "tunnel flags"
  | "tcp flags"
  | "ct state"
  | "packet type";

export interface Field {
  readonly name: string;
  readonly bits: number;
  readonly maskable: boolean;
  readonly format: FieldFormat;
  readonly oxm?: readonly [cls: number, number: number];
  readonly nxm?: readonly [cls: number, number: number];
}
