import { port16 } from "#openflow/wire/action-codec.ts";
import { decodeActions } from "#openflow/wire/actions.ts";
import { pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { FlowUpdate } from "../flow-monitor.ts";
import type { Message } from "../message.ts";
import { NICIRA } from "../nicira.ts";
import { decodeNxm } from "../nxm.ts";
import { named } from "../records.ts";
import { readInstructions } from "./actions.ts";
import { between, type OlderFormat, ONF, older, olderReply, olderRequest, readList } from "./formats.ts";
import { readMatch11 } from "./match.ts";

const OFPG_ANY = 0xffff_ffff;
/** What stands behind OWN, and makes it OFPFMF_ONLY_OWN of OpenFlow 1.4. */
const OWN = 1 << 5;
const ONLY_OWN = 1 << 6;

function newFlags(flags: number): number {
  const others = flags & ~(OWN | ONLY_OWN);
  // An unknown bit stays one: no version knows bit 7.
  return others | ((flags & OWN) === 0 ? 0 : ONLY_OWN) | ((flags & ONLY_OWN) === 0 ? 0 : 1 << 7);
}

const nxRequest = struct({ monitorId: u32, flags: u16, outPort: port16, length: u16, table: u8, _pad: pad(5) });
const onfRequest = struct({ monitorId: u32, flags: u16, _length: pad(2), outPort: u32, table: u8, _pad: pad(3) });

function readNxRequest(r: Reader) {
  const { length, flags, ...head } = nxRequest.decode(r);
  const { match } = decodeNxm(r, length);
  return { ...head, flags: newFlags(flags), outGroup: OFPG_ANY, command: "add" as const, match };
}

function readOnfRequest(r: Reader) {
  const { flags, ...head } = onfRequest.decode(r);
  return { ...head, flags: newFlags(flags), outGroup: OFPG_ANY, command: "add" as const, match: readMatch11(r) };
}

const EVENT = { added: 0, removed: 1, modified: 2, abbrev: 3 } as const;
const event = named(u16, EVENT, "flow update event", "NXBRC_FM_BAD_EVENT");
const fullHead = struct({
  reason: u16,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  length: u16,
  table: u8,
  _pad: pad(1),
  cookie: u64,
});

/** `isOnf`: with a match and instructions of OpenFlow 1.3, where Nicira's has NXM and actions. */
function readUpdates(r: Reader, isOnf: boolean): readonly FlowUpdate[] {
  return readList(r, "updates", () => {
    const length = r.u16();
    if (length < 4 || length % 8 !== 0) r.fail(`length ${length}; a multiple of 8 is expected`, "OFPBRC_BAD_LEN");
    return r.slice(length - 2, () => readUpdate(r, isOnf));
  });
}

function readUpdate(r: Reader, isOnf: boolean): FlowUpdate {
  const kind = event.decode(r);
  if (kind === "abbrev") return { event: kind, xid: r.u32() };
  const { length, ...head } = fullHead.decode(r);
  const match = isOnf ? readMatch11(r) : decodeNxm(r, length).match;
  return { event: kind, ...head, match, actions: isOnf ? readInstructions(r) : decodeActions(r) };
}

/** A message of an experimenter, kept as it came: its number says all that there is to say. */
function kept(id: number, type: number) {
  return (r: Reader): Message => ({
    type: "experimenter",
    experimenter: id,
    experimenterType: type,
    data: r.raw(r.left),
  });
}

const NX_MONITOR = { name: "NXST_FLOW_MONITOR", number: 2, experimenter: NICIRA };
const ONF_MONITOR = { name: "ONFST_FLOW_MONITOR", number: 1870, experimenter: ONF };
const V1_0_TO_1_2 = between("1.0", "1.2");
const V1_3 = between("1.3", "1.3");

const STATES = [
  ["CANCEL", 21, 1870, 4],
  ["PAUSED", 22, 1871, 0],
  ["RESUMED", 23, 1872, 0],
] as const;

export const OLDER_MONITORS: readonly OlderFormat[] = [
  olderRequest(V1_0_TO_1_2, NX_MONITOR, [0, 8], "flow_monitor", (r) => readList(r, "monitors", readNxRequest)),
  olderRequest(V1_3, ONF_MONITOR, [0, 8], "flow_monitor", (r) => readList(r, "monitors", readOnfRequest)),
  olderReply(V1_0_TO_1_2, NX_MONITOR, [0, 8], "flow_monitor", (r) => readUpdates(r, false)),
  olderReply(V1_3, ONF_MONITOR, [0, 8], "flow_monitor", (r) => readUpdates(r, true)),
  ...STATES.flatMap(([name, nx, onf, length]) => [
    older(
      V1_0_TO_1_2,
      { name: `NXT_FLOW_MONITOR_${name}`, number: nx, experimenter: NICIRA },
      [length, 0],
      kept(NICIRA, nx),
    ),
    older(V1_3, { name: `ONFT_FLOW_MONITOR_${name}`, number: onf, experimenter: ONF }, [length, 0], kept(ONF, onf)),
  ]),
  older(
    between("1.0", "1.0"),
    { name: "NXT_SET_FLOW_FORMAT", number: 12, experimenter: NICIRA },
    [4, 0],
    kept(NICIRA, 12),
  ),
];
