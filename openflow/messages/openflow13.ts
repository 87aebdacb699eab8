import { EncodeError } from "#openflow/errors.ts";
import type { Bucket } from "#openflow/flow.ts";
import { encodeActions } from "#openflow/wire/actions.ts";
import type { Codec } from "#openflow/wire/codec.ts";
import type { Writer } from "#openflow/wire/writer.ts";
import { type FlowModBody, flowMod } from "./flow-mod.ts";
import { match } from "./flow-parts.ts";
import { type GroupMod, groupCommand, groupType } from "./groups.ts";
import type { MessageOf } from "./message.ts";
import { ONF } from "./older/formats.ts";
import type { PacketOut } from "./packets.ts";

/** What a controller sends in OpenFlow 1.3 otherwise than in 1.5: bodies, written and not read here (older/ reads them). */
type Encode<T> = Codec<T>["encode"];

function lacks(what: string): never {
  throw new EncodeError(`OpenFlow 1.3 has no ${what}`);
}

const ANY = 0xffff_ffff;

/** As in 1.5, but without importance. */
const writeFlowMod: Encode<FlowModBody> = (w, value) => {
  if (value.importance !== 0) lacks("importance of a flow");
  flowMod.encode(w, value);
};

/* buffer (32) | in_port (32) | length of the actions (16) | zeros (48) | actions | data */
const writePacketOut: Encode<PacketOut> = (w, { bufferId, metadata, actions, data }) => {
  const [first, ...others] = metadata;
  if (first?.field !== "in_port" || others.length > 0) lacks("packet_out with anything but an in_port");
  w.u32(bufferId);
  w.u32(Number(first?.value));
  const lengthAt = w.offset;
  w.u64(0n);
  const start = w.offset;
  encodeActions(w, actions);
  w.patch16(lengthAt, w.offset - start);
  w.raw(data);
};

/* ofp_bucket: length (16) | weight (16) | watch_port (32) | watch_group (32) | zeros (32) | actions */
function writeBucket(w: Writer, { weight, watchPort, watchGroup, actions }: Bucket, type: string): void {
  const start = w.offset;
  w.u16(0);
  w.u16(weight ?? (type === "select" ? 1 : 0));
  w.u32(watchPort ?? ANY);
  w.u32(watchGroup ?? ANY);
  w.u32(0);
  encodeActions(w, actions);
  w.patch16(start, w.offset - start);
}

/* command (16) | type (8) | zeros (8) | id (32) | buckets, which have no ids */
const writeGroupMod: Encode<GroupMod> = (w, { command, group }) => {
  if (command === "insert_bucket" || command === "remove_bucket") lacks(`${command} of a group`);
  if (group.selection !== undefined) lacks("selection method of a group");
  groupCommand.encode(w, command);
  groupType.encode(w, group.type);
  w.u8(0);
  w.u32(group.groupId);
  for (const bucket of group.buckets) writeBucket(w, bucket, group.type);
};

const writePortMod: Encode<MessageOf<"port_mod">> = (w, { port, hwAddr, config, mask, properties }) => {
  if (properties.others !== undefined) lacks("property of a port_mod");
  w.u32(port);
  w.u32(0);
  w.u48(hwAddr);
  w.zeros(2);
  w.u32(config);
  w.u32(mask);
  w.u32(properties.advertise ?? 0);
  w.u32(0);
};

const writeTableMod: Encode<MessageOf<"table_mod">> = (w, { table, config, properties }) => {
  if (Object.keys(properties).length > 0) lacks("property of a table_mod");
  w.u8(table);
  w.zeros(3);
  w.u32(config);
};

export const BODIES_OF_1_3: Readonly<Record<string, Encode<never>>> = {
  flow_mod: writeFlowMod,
  packet_out: writePacketOut,
  group_mod: writeGroupMod,
  port_mod: writePortMod,
  table_mod: writeTableMod,
};

type Monitors = Extract<MessageOf<"multipart_request">, { readonly kind: "flow_monitor" }>["body"];

/** OFPFMF_ONLY_OWN, which stands one bit lower here. */
const ONLY_OWN = 1 << 6;

/* id (32) | flags (16) | length of the match (16) | out_port (32) | table (8) | zeros (24) | match */
const writeMonitors: Encode<Monitors> = (w, monitors) => {
  for (const { monitorId, outPort, outGroup, flags, table, command, match: terms } of monitors) {
    if (command !== "add") lacks(`flow monitor that does ${command}; nothing but add`);
    if (outGroup !== ANY) lacks("out_group of a flow monitor");
    w.u32(monitorId);
    w.u16((flags & ~ONLY_OWN) | ((flags & ONLY_OWN) === 0 ? 0 : ONLY_OWN >> 1));
    const lengthAt = w.offset;
    w.u16(0);
    w.u32(outPort);
    w.u8(table);
    w.zeros(3);
    const start = w.offset;
    match.encode(w, terms);
    w.patch16(lengthAt, w.offset - start);
  }
};

const nothing: Encode<unknown> = () => undefined;

/** Requests that 1.3 writes otherwise, and those that stand under an experimenter's number. */
export const REQUESTS_OF_1_3: Readonly<
  Record<string, { readonly number?: number; readonly experimenter?: number; readonly encode: Encode<never> }>
> = {
  group_desc: { encode: nothing },
  port_desc: { encode: nothing },
  flow_monitor: { number: 1870, experimenter: ONF, encode: writeMonitors },
};
