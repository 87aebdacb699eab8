import type { Bucket, Group } from "#openflow/flow.ts";
import type { Match } from "#openflow/match.ts";
import { type Codec, fixedText, listOf, pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import { decodeTerms, encodeTerms } from "#openflow/wire/oxm.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Writer } from "#openflow/wire/writer.ts";
import { actions } from "./flow-parts.ts";
import { duration } from "./oxs.ts";
import { experimenterProperty, halfWord, measured, named, properties, property } from "./records.ts";

export const OFPG_ALL = 0xffff_fffc;
/** Which bucket a command is about, where it is none with a number of its own. */
export const BUCKET = { max: 0xffff_ff00, first: 0xffff_fffd, last: 0xffff_fffe, all: 0xffff_ffff } as const;

const GROUP_TYPE = { all: 0, select: 1, indirect: 2, fast_failover: 3 } as const;
export const groupType = named(u8, GROUP_TYPE, "group type", "OFPGMFC_BAD_TYPE");

const bucketProperties = properties({
  weight: property(0, halfWord),
  watchPort: property(1, u32),
  watchGroup: property(2, u32),
});

/*
 * ofp_bucket (OpenFlow 1.5.1 section 7.3.4.4): length (16) | length of the actions (16) | id (32) | actions | properties.
 */
const bucket: Codec<Bucket> = measured(0, {
  encode(w, value) {
    const start = w.offset;
    w.u32(0);
    w.u32(value.id);
    actions.encode(w, value.actions);
    w.patch16(start + 2, w.offset - start - 8);
    bucketProperties.encode(w, value);
  },
  decode(r) {
    r.skip(2);
    const length = r.u16();
    const id = r.u32();
    if (length > r.left) r.fail(`${length} bytes of actions; ${r.left} are left`, "OFPGMFC_BAD_BUCKET");
    const list = r.slice(length, () => actions.decode(r));
    return { id, actions: list, ...bucketProperties.decode(r) };
  },
});
const buckets = listOf("buckets", bucket);

/** Each with the bits that count as its value. */
const fieldMasks: Codec<Match> = { encode: encodeTerms, decode: decodeTerms };

const NETRONOME = 0x0000_154d;
/** What Open vSwitch took for Netronome's number at first. */
const NETRONOME_ONCE = 0x0000_1540;
const selection = struct({ _pad: pad(4), method: fixedText(16), parameter: u64, fields: fieldMasks });
/** The only property that Open vSwitch knows: how a select group chooses. */
const groupProperties = properties({
  selection: experimenterProperty(NETRONOME, 1, selection),
  oldSelection: experimenterProperty(NETRONOME_ONCE, 1, selection),
});

function encodeParts(w: Writer, lengthAt: number, group: Group): void {
  const start = w.offset;
  buckets.encode(w, group.buckets);
  w.patch16(lengthAt, w.offset - start);
  const { selection: chosen } = group;
  groupProperties.encode(w, chosen?.hasOldNumber ? { oldSelection: chosen } : group);
}

function decodeParts(r: Reader, length: number): Pick<Group, "buckets" | "selection"> {
  if (length > r.left) r.fail(`${length} bytes of buckets; ${r.left} are left`);
  const list = r.slice(length, () => buckets.decode(r));
  const { oldSelection, ...others } = groupProperties.decode(r);
  return {
    buckets: list,
    ...(oldSelection === undefined ? {} : { selection: { ...oldSelection, hasOldNumber: true } }),
    ...others,
  };
}

const GROUP_COMMAND = { add: 0, modify: 1, delete: 2, insert_bucket: 3, remove_bucket: 5, add_or_mod: 0x8000 } as const;
export const groupCommand = named(u16, GROUP_COMMAND, "group_mod command", "OFPGMFC_BAD_COMMAND");

export interface GroupMod {
  readonly command: keyof typeof GROUP_COMMAND;
  readonly group: Group;
  /** A bucket's id or one of BUCKET; only insert_bucket and remove_bucket look at it. */
  readonly commandBucketId: number;
}

/*
 * OFPT_GROUP_MOD (OpenFlow 1.5.1 section 7.3.4.4): command (16) | type (8) | zeros (8) | id (32)
 *     | length of the buckets (16) | zeros (16) | command's bucket (32) | buckets | properties
 */
export const groupMod: Codec<GroupMod> = {
  encode(w, { command, group, commandBucketId }) {
    groupCommand.encode(w, command);
    groupType.encode(w, group.type);
    w.u8(0);
    w.u32(group.groupId);
    const lengthAt = w.offset;
    w.u32(0);
    w.u32(commandBucketId);
    encodeParts(w, lengthAt, group);
  },
  decode(r) {
    const command = groupCommand.decode(r);
    const type = groupType.decode(r);
    r.skip(1);
    const groupId = r.u32();
    const length = r.u16();
    r.skip(2);
    const commandBucketId = r.u32();
    return { command, group: { groupId, type, ...decodeParts(r, length) }, commandBucketId };
  },
};

/* ofp_group_desc: length (16) | type (8) | zeros (8) | id (32) | length of the buckets (16) | zeros (48) | ... */
const groupDesc: Codec<Group> = measured(0, {
  encode(w, group) {
    w.u16(0);
    groupType.encode(w, group.type);
    w.u8(0);
    w.u32(group.groupId);
    const lengthAt = w.offset;
    w.u64(0n);
    encodeParts(w, lengthAt, group);
  },
  decode(r) {
    r.skip(2);
    const type = groupType.decode(r);
    r.skip(1);
    const groupId = r.u32();
    const length = r.u16();
    r.skip(6);
    return { groupId, type, ...decodeParts(r, length) };
  },
});
export const groupDescList = listOf("groups", groupDesc);

/** OFPG_ALL asks for all. */
export const groupRequest = struct({ groupId: u32, _pad: pad(4) });

export const groupStatsList = listOf(
  "groups",
  measured(
    0,
    struct({
      _length: pad(2),
      _pad: pad(2),
      groupId: u32,
      references: u32,
      _pad2: pad(4),
      packets: u64,
      bytes: u64,
      duration,
      buckets: listOf("buckets", struct({ packets: u64, bytes: u64 })),
    }),
  ),
);

const four = struct({ all: u32, select: u32, indirect: u32, fast_failover: u32 });
/** Bits by type in `types`, by OFPAT_* number in `actions`. */
export const groupFeatures = struct({ types: u32, capabilities: u32, maxGroups: four, actions: four });
