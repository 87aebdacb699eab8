import { EncodeError } from "#openflow/errors.ts";
import type { Codec } from "#openflow/wire/codec.ts";
import { rest } from "#openflow/wire/codec.ts";
import type { Writer } from "#openflow/wire/writer.ts";
import { flowUpdates, monitorRequests } from "./flow-monitor.ts";
import { flowDescList, flowFilter } from "./flow-stats.ts";
import { groupDescList, groupFeatures, groupRequest, groupStatsList } from "./groups.ts";
import { empty, OPENFLOW_VERSION } from "./handshake.ts";
import type { Identity, Side } from "./identity.ts";
import { atLeast, exactly, inSteps, type Layout } from "./layout.ts";
import { meterConfigList, meterFeatures, meterRequest, meterStatsList } from "./meters.ts";
import { ipfixStats, ipfixStatsList, NICIRA } from "./nicira.ts";
import { REQUESTS_OF_1_3 } from "./openflow13.ts";
import { oxsStats } from "./oxs.ts";
import { portDescList, portRequest, portStatsList } from "./ports.ts";
import { queueDescList, queueRequest, queueStatsList } from "./queues.ts";
import { switchDesc } from "./switch-desc.ts";
import { tableDescList, tableFeaturesList, tableStatsList } from "./tables.ts";

/** A kind of multipart message: its OFPMP number, or whose it is and which of theirs; and what ovs-ofctl calls it. */
export interface Kind {
  readonly number: number;
  readonly experimenter?: number;
  readonly name: string;
  readonly request: Layout<unknown>;
  readonly reply: Layout<unknown>;
}

function kind<Request, Reply>(
  number: number,
  name: string,
  request: Layout<Request>,
  reply: Layout<Reply>,
  experimenter?: number,
) {
  return { number, name, request, reply, ...(experimenter === undefined ? {} : { experimenter }) };
}

const list = <T>(body: Codec<T>, since: Layout<T>["since"]) => inSteps(0, 8, body, since);

export const KINDS = {
  desc: kind(0, "DESC", exactly(0, empty, "1.1"), exactly(1056, switchDesc, "1.1")),
  flow_desc: kind(1, "FLOW", inSteps(32, 8, flowFilter, "1.2"), atLeast(0, flowDescList)),
  aggregate_stats: kind(2, "AGGREGATE", inSteps(32, 8, flowFilter, "1.2"), atLeast(0, oxsStats)),
  table_stats: kind(3, "TABLE", exactly(0, empty, "1.1"), inSteps(0, 24, tableStatsList, "1.3")),
  port_stats: kind(4, "PORT", exactly(8, portRequest, "1.1"), list(portStatsList, "1.4")),
  queue_stats: kind(5, "QUEUE", exactly(8, queueRequest, "1.1"), list(queueStatsList, "1.4")),
  group_stats: kind(6, "GROUP", exactly(8, groupRequest, "1.1"), list(groupStatsList, "1.3")),
  group_desc: kind(7, "GROUP_DESC", exactly(8, groupRequest), list(groupDescList, "1.5")),
  group_features: kind(8, "GROUP_FEATURES", exactly(0, empty, "1.2"), exactly(40, groupFeatures, "1.2")),
  meter_stats: kind(9, "METER", exactly(8, meterRequest, "1.3"), list(meterStatsList, "1.3")),
  meter_config: kind(10, "METER_CONFIG", exactly(8, meterRequest, "1.3"), list(meterConfigList, "1.3")),
  meter_features: kind(11, "METER_FEATURES", exactly(0, empty, "1.3"), exactly(16, meterFeatures, "1.3")),
  table_features: kind(12, "TABLE_FEATURES", list(tableFeaturesList, "1.3"), inSteps(64, 8, tableFeaturesList, "1.3")),
  port_desc: kind(13, "PORT_DESC", exactly(8, portRequest), list(portDescList, "1.4")),
  table_desc: kind(14, "TABLE_DESC", exactly(0, empty, "1.4"), inSteps(8, 8, tableDescList, "1.4")),
  queue_desc: kind(15, "QUEUE_DESC", exactly(8, queueRequest, "1.4"), list(queueDescList, "1.4")),
  flow_monitor: kind(16, "FLOW_MONITOR", list(monitorRequests, "1.4"), list(flowUpdates, "1.4")),
  nxst_ipfix_bridge: kind(3, "IPFIX_BRIDGE", exactly(0, empty, "1.1"), exactly(88, ipfixStats, "1.1"), NICIRA),
  nxst_ipfix_flow: kind(4, "IPFIX_FLOW", exactly(0, empty, "1.1"), inSteps(0, 88, ipfixStatsList, "1.1"), NICIRA),
} as const satisfies Readonly<Record<string, Kind>>;

type Kinds = typeof KINDS;
export type MultipartKind = keyof Kinds;
type BodyOf<L> = L extends Layout<infer T> ? T : never;

interface UnknownPart {
  readonly kind: "unknown";
  readonly number: number;
  readonly more: boolean;
  readonly otherFlags?: number;
  readonly body: Uint8Array;
}

/** `more` says that further parts follow; a request has seldom more than one. */
export type MultipartRequest =
  | {
      [K in MultipartKind]: {
        readonly kind: K;
        readonly more?: boolean;
        /** Bits beside that for more, of which no version knows any. */
        readonly otherFlags?: number;
        readonly body: BodyOf<Kinds[K]["request"]>;
      };
    }[MultipartKind]
  | UnknownPart;

export type MultipartReply =
  | {
      [K in MultipartKind]: {
        readonly kind: K;
        readonly more: boolean;
        readonly otherFlags?: number;
        readonly body: BodyOf<Kinds[K]["reply"]>;
      };
    }[MultipartKind]
  | UnknownPart;

/** OFPMPF_REPLY_MORE, OFPMPF_REQ_MORE. */
const MORE = 1;
/** OFPMP_EXPERIMENTER. */
const EXPERIMENTER = 0xffff;

export function hasMore(part: { readonly flags: number } | undefined): boolean {
  return part !== undefined && (part.flags & MORE) !== 0;
}

/** What the flags of a part say, as a value has it. */
export function flagsOf(part: { readonly flags: number } | undefined): { more: boolean; otherFlags?: number } {
  const otherFlags = (part?.flags ?? 0) & ~MORE;
  return { more: hasMore(part), ...(otherFlags === 0 ? {} : { otherFlags }) };
}

/** The part of an identity that names the kind. */
export function partOf({
  number,
  experimenter,
}: Pick<Kind, "number" | "experimenter">): Pick<Identity, "part" | "experimenter"> {
  const head = { side: "request", flags: 0 } as const;
  if (experimenter === undefined) return { part: { ...head, number } };
  return { part: { ...head, number: EXPERIMENTER }, experimenter: { id: experimenter, type: number } };
}

/** ofp_multipart: type (16) | flags (16) | zeros (32) | body, which begins with an id and a type for an experimenter's. */
export function encodePart(w: Writer, side: Side, message: MultipartRequest | MultipartReply): void {
  const { number, experimenter, encode } = placeOf(w, side, message);
  w.u16(experimenter === undefined ? number : EXPERIMENTER);
  w.u16((message.more ? MORE : 0) | (message.otherFlags ?? 0));
  w.u32(0);
  if (experimenter !== undefined) {
    w.u32(experimenter);
    w.u32(number);
  }
  encode(w, message.body);
}

interface Place {
  readonly number: number;
  readonly experimenter?: number | undefined;
  encode(w: Writer, body: unknown): void;
}

function placeOf(w: Writer, side: Side, message: MultipartRequest | MultipartReply): Place {
  if (message.kind === "unknown") return { number: message.number, encode: rest.encode as Place["encode"] };
  const kind: Kind = KINDS[message.kind];
  const { number, experimenter } = kind;
  const { body, since } = kind[side];
  if (w.version === OPENFLOW_VERSION["1.5"]) return { number, experimenter, encode: body.encode };
  const older = side === "request" ? REQUESTS_OF_1_3[message.kind] : undefined;
  // The table pairs a kind with its body; TypeScript cannot see the pair through the index.
  if (older !== undefined) return { number, experimenter, ...older, encode: older.encode as Place["encode"] };
  if (since !== "all" && OPENFLOW_VERSION[since] > w.version)
    throw new EncodeError(`OpenFlow 1.3 has no ${side} for ${message.kind}`);
  return { number, experimenter, encode: body.encode };
}
