import { port16 } from "#openflow/wire/action-codec.ts";
import { decodeActions } from "#openflow/wire/actions.ts";
import { pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import { commandOf } from "../flow-mod.ts";
import type { FlowDesc } from "../flow-stats.ts";
import type { Message, MessageOf } from "../message.ts";
import { NICIRA } from "../nicira.ts";
import { decodeNxm } from "../nxm.ts";
import { duration, type OxsStats } from "../oxs.ts";
import { readInstructions } from "./actions.ts";
import { between, type OlderFormat, older, olderReply, olderRequest, readList } from "./formats.ts";
import { readMatch10, readMatch11 } from "./match.ts";

const ANY = 0xffff_ffff;
const ALL_TABLES = 0xff;
const V1_0 = between("1.0", "1.0");
const V1_1_TO_1_4 = between("1.1", "1.4");

const flowModTail10 = struct({
  newCookie: u64,
  command: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  bufferId: u32,
  outPort: port16,
  flags: u16,
});
const EXACT_PRIORITY = 0xffff;

/** The table stands in the upper half of the command, as Nicira's extension has it. */
function splitCommand(r: Reader, command: number): Pick<MessageOf<"nxt_flow_mod">, "command"> & { table: number } {
  return { command: commandOf(r, command & 0xff), table: command >>> 8 };
}

function readFlowMod10(r: Reader): Message {
  const { match, isExact } = readMatch10(r, true);
  const { command, ...tail } = flowModTail10.decode(r);
  return {
    type: "nxt_flow_mod",
    ...tail,
    ...splitCommand(r, command),
    priority: isExact ? EXACT_PRIORITY : tail.priority,
    match,
    cookie: 0n,
    cookieMask: 0n,
    actions: decodeActions(r),
  };
}

function readNxFlowMod10(r: Reader): Message {
  const { command, ...tail } = flowModTail10.decode(r);
  const length = r.u16();
  r.skip(6);
  const match = decodeNxm(r, length);
  return { type: "nxt_flow_mod", ...tail, ...splitCommand(r, command), ...match, actions: decodeActions(r) };
}

const flowModHead11 = struct({
  cookie: u64,
  cookieMask: u64,
  table: u8,
  command: u8,
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  bufferId: u32,
  outPort: u32,
  outGroup: u32,
  flags: u16,
  importance: u16,
});

function readFlowMod11(r: Reader): Message {
  const { command, ...head } = flowModHead11.decode(r);
  const match = readMatch11(r);
  return { type: "flow_mod", ...head, command: commandOf(r, command, head.table), match, actions: readInstructions(r) };
}

/** OpenFlow 1.1 changes the cookie of the flows that it modifies, where it looks for none. */
function readFlowModOf1_1(r: Reader): Message {
  const message = readFlowMod11(r) as MessageOf<"flow_mod">;
  const { command, cookie, cookieMask, table } = message;
  if (table === ALL_TABLES) r.fail("a flow_mod in all tables", "OFPFMFC_BAD_TABLE_ID");
  const isModify = command === "modify" || command === "modify_strict";
  if (!isModify || cookieMask !== 0n) return message;
  return { ...message, type: "nxt_flow_mod", newCookie: cookie, cookie: 0n };
}

const removedTail10 = struct({
  cookie: u64,
  priority: u16,
  reason: u8,
  _pad: pad(1),
  duration,
  idleTimeout: u16,
  _pad2: pad(2),
  packets: u64,
  bytes: u64,
});

function readFlowRemoved10(r: Reader): Message {
  const { match } = readMatch10(r, false);
  return { type: "nxt_flow_removed", match, tablePlusOne: 0, ...removedTail10.decode(r) };
}

const removedHead11 = struct({
  cookie: u64,
  priority: u16,
  reason: u8,
  table: u8,
  duration,
  idleTimeout: u16,
  hardTimeout: u16,
  packets: u64,
  bytes: u64,
});

function readFlowRemoved11(r: Reader): Message {
  const { duration: age, packets, bytes, ...head } = removedHead11.decode(r);
  return { type: "flow_removed", ...head, stats: { duration: age, packets, bytes }, match: readMatch11(r) };
}

const filterTail10 = struct({ table: u8, _pad: pad(1), outPort: port16 });
const nxFilterHead = struct({ outPort: port16, length: u16, table: u8, _pad: pad(3) });
const filterHead11 = struct({
  table: u8,
  _pad: pad(3),
  outPort: u32,
  outGroup: u32,
  _pad2: pad(4),
  cookie: u64,
  cookieMask: u64,
});
const NO_COOKIE = { cookie: 0n, cookieMask: 0n, outGroup: ANY } as const;

function readFilter10(r: Reader) {
  const { match } = readMatch10(r, false);
  return { ...NO_COOKIE, match, ...filterTail10.decode(r) };
}

function readNxFilter(r: Reader) {
  const { length, ...head } = nxFilterHead.decode(r);
  return { ...head, outGroup: ANY, ...decodeNxm(r, length) };
}

function readFilter11(r: Reader) {
  return { ...filterHead11.decode(r), match: readMatch11(r) };
}

const aggregate = struct({ packets: u64, bytes: u64, flows: u32, _pad: pad(4) });
const readAggregate = (r: Reader): OxsStats => aggregate.decode(r);

const NOTHING_MORE = { flags: 0, importance: 0 } as const;

const descTail10 = struct({
  duration,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  _pad: pad(6),
  cookie: u64,
  packets: u64,
  bytes: u64,
});

/** Items that begin with their length (16). */
function readMeasured<T>(r: Reader, name: string, read: (r: Reader) => T): readonly T[] {
  return readList(r, name, () => {
    const length = r.u16();
    if (length < 2) r.fail(`length ${length}; at least 2 is expected`, "OFPBRC_BAD_LEN");
    return r.slice(length - 2, () => read(r));
  });
}

function readFlowDesc10(r: Reader): FlowDesc {
  const table = r.u8();
  r.skip(1);
  const { match } = readMatch10(r, false);
  return { table, match, ...NOTHING_MORE, ...descTail10.decode(r), actions: decodeActions(r) };
}

const nxDescHead = struct({
  table: u8,
  _pad: pad(1),
  duration,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  length: u16,
  /** One more than the seconds; 0 where the switch does not tell. */
  idle: u16,
  hard: u16,
  cookie: u64,
  packets: u64,
  bytes: u64,
});

function readNxFlowDesc(r: Reader): FlowDesc {
  const { length, idle, hard, ...head } = nxDescHead.decode(r);
  const { match } = decodeNxm(r, length);
  return {
    ...head,
    ...NOTHING_MORE,
    match,
    actions: decodeActions(r),
    ...(idle === 0 ? {} : { idleAge: idle - 1 }),
    ...(hard === 0 ? {} : { hardAge: hard - 1 }),
  };
}

const descHead11 = struct({
  table: u8,
  _pad: pad(1),
  duration,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  flags: u16,
  importance: u16,
  _pad2: pad(2),
  cookie: u64,
  packets: u64,
  bytes: u64,
});

/** Flags are there as of 1.3, importance as of 1.4; before that the bytes mean nothing. */
function readFlowDescSince(hasFlags: boolean, hasImportance: boolean) {
  return (r: Reader): FlowDesc => {
    const { flags, importance, ...head } = descHead11.decode(r);
    const match = readMatch11(r);
    return {
      ...head,
      flags: hasFlags ? flags : 0,
      importance: hasImportance ? importance : 0,
      match,
      actions: readInstructions(r),
    };
  };
}

const FLOW = { name: "OFPST_FLOW", number: 1 };
const NX_FLOW = { name: "NXST_FLOW", number: 0, experimenter: NICIRA };
const AGGREGATE = { name: "OFPST_AGGREGATE", number: 2 };
const NX_AGGREGATE = { name: "NXST_AGGREGATE", number: 1, experimenter: NICIRA };

function flowReply(versions: readonly number[], read: (r: Reader) => FlowDesc): OlderFormat {
  return olderReply(versions, FLOW, [0, 1], "flow_desc", (r) => readMeasured(r, "flows", read));
}

export const OLDER_FLOWS: readonly OlderFormat[] = [
  older(V1_0, { name: "OFPT_FLOW_MOD", number: 14 }, [64, 8], readFlowMod10),
  older(V1_0, { name: "NXT_FLOW_MOD", number: 13, experimenter: NICIRA }, [32, 8], readNxFlowMod10),
  older(between("1.1", "1.1"), { name: "OFPT_FLOW_MOD", number: 14 }, [40, 8], readFlowModOf1_1),
  older(between("1.2", "1.4"), { name: "OFPT_FLOW_MOD", number: 14 }, [40, 8], readFlowMod11),
  older(V1_0, { name: "OFPT_FLOW_REMOVED", number: 11 }, [80, 0], readFlowRemoved10),
  older(V1_1_TO_1_4, { name: "OFPT_FLOW_REMOVED", number: 11 }, [40, 8], readFlowRemoved11),
  olderRequest(V1_0, FLOW, [44, 0], "flow_desc", readFilter10),
  olderRequest(V1_0, NX_FLOW, [8, 8], "flow_desc", readNxFilter),
  olderRequest(V1_1_TO_1_4, FLOW, [32, 8], "flow_desc", readFilter11),
  olderRequest(V1_0, AGGREGATE, [44, 0], "aggregate_stats", readFilter10),
  olderRequest(V1_0, NX_AGGREGATE, [8, 8], "aggregate_stats", readNxFilter),
  olderRequest(V1_1_TO_1_4, AGGREGATE, [32, 8], "aggregate_stats", readFilter11),
  olderReply(between("1.0", "1.4"), AGGREGATE, [24, 0], "aggregate_stats", readAggregate),
  olderReply(V1_0, NX_AGGREGATE, [24, 0], "aggregate_stats", readAggregate),
  flowReply(V1_0, readFlowDesc10),
  olderReply(V1_0, NX_FLOW, [0, 1], "flow_desc", (r) => readMeasured(r, "flows", readNxFlowDesc)),
  flowReply(between("1.1", "1.2"), readFlowDescSince(false, false)),
  flowReply(between("1.3", "1.3"), readFlowDescSince(true, false)),
  flowReply(between("1.4", "1.4"), readFlowDescSince(true, true)),
];
