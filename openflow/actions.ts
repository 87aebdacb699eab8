import type { FieldName } from "#openflow/fields.ts";
import type { FieldValue } from "#openflow/match.ts";

/** A run of bits of a field: reg0[0..15] is { field: "reg0", start: 0, bits: 16 }. */
export interface Subfield {
  readonly field: FieldName;
  readonly start: number;
  readonly bits: number;
}

export interface NatSpec {
  readonly type: "src" | "dst";
  readonly minAddress?: FieldValue;
  readonly maxAddress?: FieldValue;
  readonly minPort?: number;
  readonly maxPort?: number;
  readonly random?: boolean;
  readonly hash?: boolean;
  readonly persistent?: boolean;
}

/**
 * What a flow does, as ovs-actions(7) names it. Instructions (goto_table, meter, write_actions ...) are members of the same
 * list, as they are in the text form; the codec sorts them into OpenFlow instructions.
 */
export type Action =
  | { readonly type: "output"; readonly port: number; readonly maxLength?: number }
  | { readonly type: "output_reg"; readonly source: Subfield; readonly maxLength?: number }
  | { readonly type: "group"; readonly groupId: number }
  | { readonly type: "set_field"; readonly field: FieldName; readonly value: FieldValue; readonly mask?: FieldValue }
  | { readonly type: "load"; readonly value: FieldValue; readonly destination: Subfield }
  | { readonly type: "move"; readonly source: Subfield; readonly destination: Subfield }
  | { readonly type: "dec_ttl" }
  | { readonly type: "resubmit"; readonly port?: number; readonly table?: number; readonly ct?: boolean }
  | {
      readonly type: "ct";
      readonly commit?: boolean;
      readonly force?: boolean;
      readonly table?: number;
      readonly zone?: number | Subfield;
      readonly nat?: NatSpec | true;
      readonly alg?: "ftp" | "tftp";
      readonly exec?: readonly Action[];
    }
  | { readonly type: "ct_clear" }
  | { readonly type: "conjunction"; readonly id: number; readonly clause: number; readonly clauses: number }
  | {
      readonly type: "controller";
      readonly reason?: number;
      readonly maxLength?: number;
      readonly id?: number;
      readonly userdata?: Uint8Array;
      readonly pause?: boolean;
      readonly meterId?: number;
    }
  | { readonly type: "note"; readonly bytes: Uint8Array }
  | { readonly type: "unknown"; readonly bytes: Uint8Array }
  | { readonly type: "goto_table"; readonly table: number }
  | { readonly type: "meter"; readonly meterId: number }
  | { readonly type: "clear_actions" }
  | { readonly type: "write_actions"; readonly actions: readonly Action[] }
  | { readonly type: "write_metadata"; readonly value: bigint; readonly mask?: bigint };
