import type { FieldName } from "./fields.ts";
import type { FieldValue } from "./match.ts";

/** A run of bits of a field: reg0[0..15] is { field: "reg0", start: 0, bits: 16 }. */
export interface Subfield {
  readonly field: FieldName;
  readonly start: number;
  readonly bits: number;
  /** Of a tunnel's option: its bytes in the switch, where they are known. */
  readonly length?: number;
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

/** What multipath and bundle hash. */
export type HashFields =
  | "eth_src"
  | "symmetric_l4"
  | "symmetric_l3l4"
  | "symmetric_l3l4+udp"
  | "nw_src"
  | "nw_dst"
  | "symmetric_l3";

/** One member of the union for each of several types that hold the same. */
type Each<T extends string, Body> = T extends string ? { readonly type: T } & Readonly<Body> : never;

/** What a learned flow matches or does; a source is a field of the packet at hand, or a value. */
export type LearnSpec =
  | Each<"match" | "load", { source: Subfield | FieldValue; destination: Subfield }>
  | { readonly type: "output"; readonly source: Subfield };

interface BundleChoice {
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: "active_backup" | "hrw";
  readonly members: readonly number[];
}

export type EncapProperty =
  | { readonly type: "md_type"; readonly value: number }
  | { readonly type: "tlv"; readonly tlvClass: number; readonly tlvType: number; readonly bytes: Uint8Array };

/** Setters of older versions, which a switch still takes; what they set is a set_field today. */
export type LegacySetter =
  | "set_vlan_vid"
  | "set_vlan_pcp"
  | "mod_dl_src"
  | "mod_dl_dst"
  | "mod_nw_src"
  | "mod_nw_dst"
  | "mod_nw_tos"
  | "mod_nw_ecn"
  | "mod_tp_src"
  | "mod_tp_dst"
  | "set_mpls_label"
  | "set_mpls_tc";

type Output =
  | { readonly type: "output"; readonly port: number; readonly maxLength?: number }
  | { readonly type: "output_reg"; readonly source: Subfield; readonly maxLength?: number }
  /** Sends no more than the first `maxLength` bytes. */
  | { readonly type: "output_trunc"; readonly port: number; readonly maxLength: number }
  | { readonly type: "group"; readonly groupId: number }
  | {
      readonly type: "controller";
      readonly reason?: number;
      readonly maxLength?: number;
      readonly id?: number;
      readonly userdata?: Uint8Array;
      readonly pause?: boolean;
      readonly meterId?: number;
    }
  | ({ readonly type: "bundle" } & BundleChoice)
  /** Writes the chosen port instead of sending to it. */
  | ({ readonly type: "bundle_load"; readonly destination: Subfield } & BundleChoice)
  | { readonly type: "set_queue"; readonly queueId: number }
  | { readonly type: "pop_queue" };

type Header =
  | Each<"push_vlan" | "push_mpls" | "pop_mpls", { etherType: number }>
  | { readonly type: "pop_vlan" }
  | {
      readonly type: "encap";
      readonly header: "ethernet" | "nsh" | "mpls" | "mpls_mc";
      readonly headerSize?: number;
      readonly properties?: readonly EncapProperty[];
    }
  /** `packetType` as in the field packet_type; absent when the packet says it. */
  | { readonly type: "decap"; readonly packetType?: number }
  /** `controllers` are told of a packet whose TTL has run out; without them it is the controller with id 0. */
  | { readonly type: "dec_ttl"; readonly controllers?: readonly number[] }
  | { readonly type: "dec_mpls_ttl" }
  | { readonly type: "dec_nsh_ttl" }
  | Each<"mod_nw_ttl" | "set_mpls_ttl", { ttl: number }>
  | Each<LegacySetter, { value: number }>
  | Each<"set_tunnel" | "set_tunnel64", { value: bigint }>;

type Field =
  | {
      readonly type: "set_field";
      readonly field: FieldName;
      readonly value: FieldValue;
      readonly mask?: FieldValue;
      /** Of a tunnel's option: bytes, where they are not as many as the value needs. */
      readonly length?: number;
    }
  | { readonly type: "move"; readonly source: Subfield; readonly destination: Subfield }
  /** What OpenFlow 1.5 has no action for and older versions do; a set_field with a mask says the same. */
  | { readonly type: "load"; readonly value: FieldValue; readonly destination: Subfield }
  | Each<"push" | "pop", { field: Subfield }>
  | { readonly type: "delete_field"; readonly field: FieldName; readonly length?: number }
  | { readonly type: "check_pkt_larger"; readonly length: number; readonly destination: Subfield }
  | {
      readonly type: "multipath";
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: "modulo_n" | "hash_threshold" | "hrw" | "iter_hash";
      readonly links: number;
      readonly argument: number;
      readonly destination: Subfield;
    };

type Flow =
  | { readonly type: "resubmit"; readonly port?: number; readonly table?: number; readonly ct?: boolean }
  | { readonly type: "conjunction"; readonly id: number; readonly clause: number; readonly clauses: number }
  | {
      readonly type: "learn";
      readonly table: number;
      readonly priority: number;
      readonly idleTimeout?: number;
      readonly hardTimeout?: number;
      readonly finIdleTimeout?: number;
      readonly finHardTimeout?: number;
      readonly cookie?: bigint;
      readonly sendFlowRemoved?: boolean;
      readonly deleteLearned?: boolean;
      readonly limit?: number;
      /** One bit that says whether `limit` left room. */
      readonly resultDestination?: Subfield;
      readonly specs: readonly LearnSpec[];
    }
  | { readonly type: "fin_timeout"; readonly idleTimeout: number; readonly hardTimeout: number }
  | { readonly type: "clone"; readonly actions: readonly Action[] }
  | { readonly type: "exit" }
  | { readonly type: "meter"; readonly meterId: number }
  | {
      readonly type: "sample";
      readonly probability: number;
      readonly collectorSetId: number;
      /** A field is read from the packet: at most 32 bits, as of Open vSwitch 3.4. */
      readonly observationDomainId: number | Subfield;
      readonly observationPointId: number | Subfield;
      readonly samplingPort?: number;
      readonly direction?: "ingress" | "egress";
    }
  | { readonly type: "note"; readonly bytes: Uint8Array };

type Connection =
  | {
      readonly type: "ct";
      readonly commit?: boolean;
      readonly force?: boolean;
      readonly table?: number;
      readonly zone?: number | Subfield;
      readonly nat?: NatSpec | true;
      /** A port that has no name here is a number. */
      readonly alg?: "ftp" | "tftp" | number;
      readonly exec?: readonly Action[];
      /** Flags that nobody knows, which no text has. */
      readonly otherFlags?: number;
    }
  | { readonly type: "ct_clear" };

export type Instruction =
  | { readonly type: "goto_table"; readonly table: number }
  | { readonly type: "clear_actions" }
  | { readonly type: "write_actions"; readonly actions: readonly Action[] }
  | { readonly type: "write_metadata"; readonly value: bigint; readonly mask?: bigint }
  | { readonly type: "unknown_instruction"; readonly bytes: Uint8Array };

/** What versions before 1.5 do in words of their own; it is read and printed, and never written. */
export type OlderAction =
  | { readonly type: "enqueue"; readonly port: number; readonly queueId: number }
  | Each<"mod_vlan_vid" | "mod_vlan_pcp", { value: number }>
  | { readonly type: "strip_vlan" };

/**
 * What a flow does, as ovs-actions(7) names it. Instructions (goto_table, write_actions ...) are members of the same list, as
 * they are in the text form; the codec sorts them into OpenFlow instructions. Words of ovs-actions(7) that OpenFlow 1.5 has no
 * action for are read as what they mean: load is a set_field with a mask, enqueue is set_queue, output, pop_queue.
 */
export type Action =
  | Output
  | Header
  | Field
  | Flow
  | Connection
  | Instruction
  | OlderAction
  | { readonly type: "unknown"; readonly bytes: Uint8Array };

export type ActionType = Action["type"];
export type ActionOf<T extends ActionType> = Extract<Action, { readonly type: T }>;
