import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import type { Codec } from "#openflow/wire/codec.ts";
import { decodeInstructions, encodeInstructions } from "#openflow/wire/instructions.ts";
import { decodeMatch, encodeMatch } from "#openflow/wire/oxm.ts";
import type { Reader } from "#openflow/wire/reader.ts";

/** ofp_flow_mod_command. */
export const FLOW_MOD_COMMAND = { add: 0, modify: 1, modify_strict: 2, delete: 3, delete_strict: 4 } as const;
export type FlowModCommand = keyof typeof FLOW_MOD_COMMAND;
const COMMANDS = Object.keys(FLOW_MOD_COMMAND) as FlowModCommand[];

export const OFPP_ANY = 0xffff_ffff;
export const OFPG_ANY = 0xffff_ffff;
export const OFPTT_ALL = 0xff;
export const NO_BUFFER = 0xffff_ffff;

/** OFPT_FLOW_MOD (OpenFlow 1.5.1 section 7.3.4.3). */
export interface FlowModBody {
  readonly command: FlowModCommand;
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly bufferId: number;
  readonly outPort: number;
  readonly outGroup: number;
  readonly flags: number;
  readonly importance: number;
}

/** The parts of a flow_mod that most of them leave as they are. */
export const FLOW_MOD_DEFAULTS = {
  cookieMask: 0n,
  idleTimeout: 0,
  hardTimeout: 0,
  bufferId: NO_BUFFER,
  outPort: OFPP_ANY,
  outGroup: OFPG_ANY,
  flags: 0,
  importance: 0,
} as const;

/** Fails for a command that is not known. A switch looks at the table first: only what deletes may be in all. */
export function commandOf(r: Reader, number: number, table = 0): FlowModCommand {
  return (
    COMMANDS[number] ??
    r.fail(
      `flow_mod command ${number} is not known`,
      table === OFPTT_ALL ? "OFPFMFC_BAD_TABLE_ID" : "OFPFMFC_BAD_COMMAND",
    )
  );
}

/** One literal, for speed: a copy behind the type would take half as long as all of the reading. */
function decodeFlowMod(r: Reader, type: string): FlowModBody & { readonly type: string } {
  const cookie = r.u64();
  const cookieMask = r.u64();
  const table = r.u8();
  const commandNumber = r.u8();
  const idleTimeout = r.u16();
  const hardTimeout = r.u16();
  const priority = r.u16();
  const bufferId = r.u32();
  const outPort = r.u32();
  const outGroup = r.u32();
  const flags = r.u16();
  const importance = r.u16();
  r.enter("match");
  const match = decodeMatch(r);
  r.leave();
  const command = COMMANDS[commandNumber] ?? commandOf(r, commandNumber, table);
  r.enter("instructions");
  const actions = decodeInstructions(r);
  r.leave();
  return {
    type,
    command,
    table,
    priority,
    match,
    actions,
    cookie,
    cookieMask,
    idleTimeout,
    hardTimeout,
    bufferId,
    outPort,
    outGroup,
    flags,
    importance,
  };
}

export const flowMod: Codec<FlowModBody> = {
  encode(w, m) {
    w.u64(m.cookie);
    w.u64(m.cookieMask);
    w.u8(m.table);
    w.u8(FLOW_MOD_COMMAND[m.command]);
    w.u16(m.idleTimeout);
    w.u16(m.hardTimeout);
    w.u16(m.priority);
    w.u32(m.bufferId);
    w.u32(m.outPort);
    w.u32(m.outGroup);
    w.u16(m.flags);
    w.u16(m.importance);
    encodeMatch(w, m.match);
    encodeInstructions(w, m.actions);
  },
  decode: (r) => decodeFlowMod(r, "flow_mod"),
  decodeTyped: decodeFlowMod,
};
