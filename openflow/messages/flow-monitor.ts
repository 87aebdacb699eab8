import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import { type Codec, listOf, pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import { instructions, match } from "./flow-parts.ts";
import { measured, named } from "./records.ts";

const COMMAND = { add: 0, modify: 1, delete: 2 } as const;

/** ofp_flow_monitor_request (OpenFlow 1.5.1 section 7.3.5.19.1): OFPFMF_* in `flags`. */
const monitorRequest = struct({
  monitorId: u32,
  outPort: u32,
  outGroup: u32,
  flags: u16,
  table: u8,
  command: named(u8, COMMAND, "flow monitor command", "OFPMOFC_BAD_COMMAND"),
  match,
});
export const monitorRequests = listOf("monitors", monitorRequest);

/** What happened to a flow, or to the monitor itself. */
export type FlowUpdate =
  | {
      readonly event: "initial" | "added" | "removed" | "modified";
      readonly table: number;
      /** OFPRR_* when it was removed. */
      readonly reason: number;
      readonly idleTimeout: number;
      readonly hardTimeout: number;
      readonly priority: number;
      readonly cookie: bigint;
      readonly match: Match;
      readonly actions: readonly Action[];
    }
  /** What the message with this xid of the same controller did. */
  | { readonly event: "abbrev"; readonly xid: number }
  | { readonly event: "paused" | "resumed" };

const EVENT = { initial: 0, added: 1, removed: 2, modified: 3, abbrev: 4, paused: 5, resumed: 6 } as const;
const event = named(u16, EVENT, "flow update event", "NXBRC_FM_BAD_EVENT");

/* Every update begins with length (16) | event (16). */
const head = struct({ _length: pad(2), event });
const full = struct({
  table: u8,
  reason: u8,
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  _pad: pad(4),
  cookie: u64,
  match,
  actions: instructions,
});
const abbreviated = struct({ xid: u32 });
const nothing = struct({ _pad: pad(4) });

const flowUpdate: Codec<FlowUpdate> = measured(0, {
  encode(w, update) {
    head.encode(w, update);
    switch (update.event) {
      case "abbrev":
        abbreviated.encode(w, update);
        break;
      case "paused":
      case "resumed":
        nothing.encode(w, {});
        break;
      default:
        full.encode(w, update);
    }
  },
  decode: (r: Reader): FlowUpdate => {
    const { event: kind } = head.decode(r);
    if (kind === "abbrev") return { event: kind, ...abbreviated.decode(r) };
    if (kind === "paused" || kind === "resumed") return { event: kind, ...nothing.decode(r) };
    return { event: kind, ...full.decode(r) };
  },
});
export const flowUpdates = listOf("updates", flowUpdate);
