import type { Bucket, Group } from "#openflow/flow.ts";
import { BUCKET, type GroupMod } from "#openflow/messages/groups.ts";
import { OPENFLOW_VERSION } from "#openflow/messages/handshake.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { formatActionBits } from "./capabilities.ts";
import { formatFieldMasks } from "./field-names.ts";
import { formatActions } from "./flows.ts";
import {
  type Context,
  formatDuration,
  formatPort,
  hex,
  isSince,
  NO_COUNTER,
  NO_COUNTER_32,
  refuse,
  shortHex,
} from "./words.ts";

const OFPP_ANY = 0xffff_ffff;
const OFPG_ANY = 0xffff_ffff;
const TYPES = { all: "all", select: "select", indirect: "indirect", fast_failover: "ff" } as const;

/** Buckets have ids as of OpenFlow 1.5, and in Nicira's groups of OpenFlow 1.0. */
function hasBucketIds(context: Context): boolean {
  return isSince("1.5", context) || !isSince("1.1", context);
}

function formatBucketId(label: string, id: number, context: Context): string {
  if (!hasBucketIds(context)) return "";
  const name = id === BUCKET.first ? "first" : id === BUCKET.last ? "last" : id === BUCKET.all ? "all" : `${id}`;
  return `${label}:${name},`;
}

function formatBucket(bucket: Bucket, type: Group["type"], context: Context): string {
  const { id, watchPort = OFPP_ANY, watchGroup = OFPG_ANY, actions } = bucket;
  const usual = type === "select" ? 1 : 0;
  const weight = bucket.weight ?? usual;
  return (
    `bucket=${formatBucketId("bucket_id", id, context)}` +
    (weight === usual ? "" : `weight:${weight},`) +
    (watchPort === OFPP_ANY ? "" : `watch_port:${formatPort(watchPort)},`) +
    (watchGroup === OFPG_ANY ? "" : `watch_group:${watchGroup},`) +
    `actions=${formatActions(actions, context)}`
  );
}

function formatSelection(selection: Group["selection"]): string {
  if (selection === undefined || selection.method === "") return "";
  const { method, parameter, fields } = selection;
  const text = `,selection_method=${method}${parameter === 0n ? "" : `,selection_method_param=${parameter}`}`;
  if (fields.length === 0) return text;
  const list = formatFieldMasks(fields);
  return fields.length === 1 ? `${text},fields=${list}` : `${text},fields(${list})`;
}

function formatGroup(group: Group, withType: boolean, context: Context): string {
  const { groupId, type, selection, buckets } = group;
  const head = `group_id=${groupId}${withType ? `,type=${TYPES[type]}` : ""}${formatSelection(selection)}`;
  const list = buckets.map((bucket) => formatBucket(bucket, type, context));
  return [head, ...list].join(",");
}

const COMMANDS: Readonly<Record<GroupMod["command"], string>> = {
  add: "ADD",
  modify: "MOD",
  add_or_mod: "ADD_OR_MOD",
  delete: "DEL",
  insert_bucket: "INSERT_BUCKET",
  remove_bucket: "REMOVE_BUCKET",
};

export function formatGroupMod(message: GroupMod, context: Context): string {
  checkGroupMod(message);
  const { command, group, commandBucketId } = message;
  const isAboutBuckets = command === "insert_bucket" || command === "remove_bucket";
  const bucket = isAboutBuckets ? formatBucketId("command_bucket_id", commandBucketId, context) : "";
  return `\n ${COMMANDS[command]} ${bucket}${formatGroup(group, !isAboutBuckets, context)}`;
}

/** What Open vSwitch would not take from anybody. */
function checkGroupMod({ command, group, commandBucketId: id }: GroupMod): void {
  const { type, buckets } = group;
  const isAboutBuckets = command === "insert_bucket" || command === "remove_bucket";
  const isBucket = id <= BUCKET.max || id === BUCKET.first || id === BUCKET.last;
  const fits = isAboutBuckets ? isBucket || (command === "remove_bucket" && id === BUCKET.all) : id === BUCKET.all;
  if (!fits) refuse(`${command} has the bucket id ${hex(id)}`, "OFPGMFC_BAD_BUCKET");
  if (type === "indirect" && command !== "delete" && buckets.length !== 1)
    refuse(`an indirect group with ${buckets.length} buckets`, "OFPGMFC_INVALID_GROUP");
  if (command === "remove_bucket" && buckets.length > 0) refuse("remove_bucket has buckets", "OFPGMFC_BAD_BUCKET");
  for (const { weight = 0, watchPort = OFPP_ANY, watchGroup = OFPG_ANY } of buckets) {
    const isWatched = watchPort !== OFPP_ANY || watchGroup !== OFPG_ANY;
    if (weight !== 0 && type !== "select" && command !== "insert_bucket")
      refuse(`a weight in a group of type ${type}`, "OFPGMFC_INVALID_GROUP");
    if (isWatched && (type === "all" || type === "indirect"))
      refuse(`a watch in a group of type ${type}`, "OFPGMFC_WATCH_UNSUPPORTED");
    if (!isWatched && type === "fast_failover") refuse("a bucket of ff watches nothing", "OFPGMFC_INVALID_GROUP");
  }
}

/** A group of OpenFlow 1.5 as `ovs-ofctl add-groups` takes it. */
export function formatGroupEntry(group: Group): string {
  return formatGroup(group, true, { version: OPENFLOW_VERSION["1.5"], verbosity: 0, bytes: new Uint8Array() });
}

export function formatGroupDesc(group: Group, context: Context): string {
  return `\n ${formatGroup(group, true, context)}`;
}

type GroupStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "group_stats" }>["body"][number];

export function formatGroupStats({ groupId, references, packets, bytes, duration, buckets }: GroupStats): string {
  const age = duration / 1_000_000_000n === BigInt(NO_COUNTER_32) ? "" : `duration=${formatDuration(duration)},`;
  const list = buckets.map((bucket, i) =>
    bucket.packets === NO_COUNTER ? "" : `,bucket${i}:packet_count=${bucket.packets},byte_count=${bucket.bytes}`,
  );
  return `\n group_id=${groupId},${age}ref_count=${references},packet_count=${packets},byte_count=${bytes}${list.join("")}`;
}

type GroupFeatures = Extract<MessageOf<"multipart_reply">, { readonly kind: "group_features" }>["body"];

export function formatGroupFeatures(features: GroupFeatures, context: Context): string {
  const { types, capabilities, maxGroups, actions } = features;
  const names = { all: "all", select: "select", indirect: "indirect", fast_failover: "fast failover" } as const;
  const list = (Object.keys(names) as Group["type"][]).map((type, bit) =>
    (types >>> bit) & 1
      ? `    ${names[type]} group:\n       max_groups=${shortHex(maxGroups[type])}\n` +
        `       actions: ${formatActionBits(actions[type], context)}\n`
      : "",
  );
  return `\n Group table:\n    Types:  ${hex(types)}\n    Capabilities:  ${hex(capabilities)}\n${list.join("")}`;
}
