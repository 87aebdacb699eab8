import type { Bucket, Group } from "#openflow/flow.ts";
import { decodeActions } from "#openflow/wire/actions.ts";
import { pad, struct, u16, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import { BUCKET, groupCommand, groupType, OFPG_ALL } from "../groups.ts";
import type { Message, MessageOf } from "../message.ts";
import { nanoseconds } from "../oxs.ts";
import { between, type OlderFormat, older, olderReply, olderRequest, readList } from "./formats.ts";

const ANY = 0xffff_ffff;

const bucketHead = struct({ weight: u16, watchPort: u32, watchGroup: u32, _pad: pad(4) });
const BUCKET_HEADER = 16;

/** ofp_bucket of OpenFlow 1.1: length (16), then the head, then actions. Its id is its place. */
function readBucket(r: Reader, id: number): Bucket {
  if (r.left < BUCKET_HEADER) r.fail(`${r.left} bytes are left of a bucket`, "OFPGMFC_BAD_BUCKET");
  const length = r.u16();
  if (length < BUCKET_HEADER || length - 2 > r.left) r.fail(`bucket length ${length}`, "OFPGMFC_BAD_BUCKET");
  return r.slice(length - 2, () => {
    const { weight, watchPort, watchGroup } = bucketHead.decode(r);
    return {
      id,
      weight,
      ...(watchPort === ANY ? {} : { watchPort }),
      ...(watchGroup === ANY ? {} : { watchGroup }),
      actions: decodeActions(r),
    };
  });
}

function readBuckets(r: Reader): readonly Bucket[] {
  const buckets: Bucket[] = [];
  while (r.left > 0) buckets.push(r.within(`buckets[${buckets.length}]`, () => readBucket(r, buckets.length)));
  return buckets;
}

function readMod(refusesBuckets: boolean) {
  return (r: Reader): Message => {
    const command = groupCommand.decode(r);
    const type = groupType.decode(r);
    r.skip(1);
    const groupId = r.u32();
    const buckets = readBuckets(r);
    if (refusesBuckets && command === "delete" && buckets.length > 0)
      r.fail("a group is deleted with buckets", "OFPGMFC_INVALID_GROUP");
    return { type: "group_mod", command, group: { groupId, type, buckets }, commandBucketId: BUCKET.all };
  };
}

function readDesc(r: Reader): Group {
  const length = r.u16();
  if (length < 8) r.fail(`length ${length}; at least 8 is expected`, "OFPBRC_BAD_LEN");
  return r.slice(length - 2, () => {
    const type = groupType.decode(r);
    r.skip(1);
    return { groupId: r.u32(), type, buckets: readBuckets(r) };
  });
}

const statsHead = struct({ _pad: pad(2), groupId: u32, references: u32, _pad2: pad(4), packets: u64, bytes: u64 });
const counters = struct({ packets: u64, bytes: u64 });
type GroupStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "group_stats" }>["body"][number];

/** Without a duration. */
function readStats(r: Reader): GroupStats {
  const length = r.u16();
  if (length < 2) r.fail(`length ${length}; at least 32 is expected`, "OFPBRC_BAD_LEN");
  return r.slice(length - 2, () => ({
    ...statsHead.decode(r),
    duration: nanoseconds(ANY, 0),
    buckets: readList(r, "buckets", (inner) => counters.decode(inner)),
  }));
}

const MOD = { name: "OFPT_GROUP_MOD", number: 15 };
const DESC = { name: "OFPST_GROUP_DESC", number: 7 };

export const OLDER_GROUPS: readonly OlderFormat[] = [
  older(between("1.1", "1.2"), MOD, [8, 8], readMod(false)),
  older(between("1.3", "1.4"), MOD, [8, 8], readMod(true)),
  olderRequest(between("1.1", "1.4"), DESC, [0, 0], "group_desc", () => ({ groupId: OFPG_ALL })),
  olderReply(between("1.1", "1.4"), DESC, [0, 8], "group_desc", (r) => readList(r, "groups", readDesc)),
  olderReply(between("1.1", "1.2"), { name: "OFPST_GROUP", number: 6 }, [0, 8], "group_stats", (r) =>
    readList(r, "groups", readStats),
  ),
];
