import type { FieldName } from "#openflow/fields.ts";
import { FIELDS } from "#openflow/fields.ts";
import { fixedText, pad, struct, u8, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Message, MessageOf } from "../message.ts";
import { nxAsyncConfig } from "../nicira.ts";
import type { TableAbilities } from "../tables.ts";
import { between, type Lengths, type OlderFormat, older, olderReply, readList } from "./formats.ts";

/** Fields by the bits of OpenFlow 1.0's wildcards; an address has six bits. */
const FIELDS_OF_1_0: readonly (readonly [bits: number, field: FieldName])[] = [
  [1 << 0, "in_port"],
  [1 << 1, "vlan_vid"],
  [1 << 2, "eth_src"],
  [1 << 3, "eth_dst"],
  [1 << 4, "eth_type"],
  [1 << 5, "nw_proto"],
  [1 << 6, "tcp_src"],
  [1 << 7, "tcp_dst"],
  [0x3f << 8, "ip_src"],
  [0x3f << 14, "ip_dst"],
  [1 << 20, "vlan_pcp"],
  [1 << 21, "nw_tos"],
];
const FIELDS_OF_1_1: readonly (readonly [bits: number, field: FieldName])[] = [
  [1 << 0, "in_port"],
  [1 << 1, "vlan_vid"],
  [1 << 2, "vlan_pcp"],
  [1 << 3, "eth_type"],
  [1 << 4, "nw_tos"],
  [1 << 5, "nw_proto"],
  [1 << 6, "tcp_src"],
  [1 << 7, "tcp_dst"],
  [1 << 8, "mpls_label"],
  [1 << 9, "mpls_tc"],
  [1 << 11, "eth_src"],
  [1 << 12, "eth_dst"],
  [1 << 13, "ip_src"],
  [1 << 14, "ip_dst"],
  [1 << 15, "metadata"],
];

function fieldsOf(bits: number, table: typeof FIELDS_OF_1_0): readonly FieldName[] {
  return table.filter(([mask]) => (bits & mask) !== 0).map(([, field]) => field);
}

const OPENFLOW_BASIC = 0x8000;

/** Fields by the numbers of their OXM. */
function fieldsOfOxm(bits: bigint): readonly FieldName[] {
  return Object.values(FIELDS)
    .filter(
      ({ actionHeader: { oxmClass, number } }) => oxmClass === OPENFLOW_BASIC && ((bits >> BigInt(number)) & 1n) !== 0n,
    )
    .map(({ name }) => name);
}

const wire10 = struct({
  table: u8,
  _pad: pad(3),
  name: fixedText(32),
  wildcards: u32,
  maxEntries: u32,
  activeCount: u32,
  lookupCount: u64,
  matchedCount: u64,
});
const wire11 = struct({
  table: u8,
  _pad: pad(7),
  name: fixedText(32),
  wildcards: u32,
  match: u32,
  instructions: u32,
  writeActions: u32,
  applyActions: u32,
  config: u32,
  maxEntries: u32,
  activeCount: u32,
  lookupCount: u64,
  matchedCount: u64,
});
const wire12 = struct({
  table: u8,
  _pad: pad(7),
  name: fixedText(32),
  match: u64,
  wildcards: u64,
  writeActions: u32,
  applyActions: u32,
  writeSetfields: u64,
  applySetfields: u64,
  metadataMatch: u64,
  metadataWrite: u64,
  instructions: u32,
  config: u32,
  maxEntries: u32,
  activeCount: u32,
  lookupCount: u64,
  matchedCount: u64,
});

type TableStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "table_stats" }>["body"][number];

const NOTHING: TableAbilities = {
  name: "",
  maxEntries: 0,
  match: [],
  wildcards: [],
  instructions: 0,
  writeActions: 0,
  applyActions: 0,
  writeSetfields: [],
  applySetfields: [],
  metadataMatch: 0n,
  metadataWrite: 0n,
};

function readStats10(r: Reader): TableStats {
  const { name, wildcards, maxEntries, ...stats } = wire10.decode(r);
  const fields = fieldsOf(wildcards, FIELDS_OF_1_0);
  return { ...stats, abilities: { ...NOTHING, name, maxEntries, match: fields, wildcards: fields } };
}

function readStats11(r: Reader): TableStats {
  const { table, activeCount, lookupCount, matchedCount, name, maxEntries, instructions, ...wire } = wire11.decode(r);
  const abilities: TableAbilities = {
    ...NOTHING,
    name,
    maxEntries,
    instructions,
    // Open vSwitch takes both from the first.
    writeActions: wire.writeActions,
    applyActions: wire.writeActions,
    missConfig: wire.config & 3,
    match: fieldsOf(wire.match | wire.wildcards, FIELDS_OF_1_1),
    wildcards: fieldsOf(wire.wildcards, FIELDS_OF_1_1),
  };
  return { table, activeCount, lookupCount, matchedCount, abilities };
}

function readStats12(r: Reader): TableStats {
  const { table, activeCount, lookupCount, matchedCount, config, match, wildcards, ...wire } = wire12.decode(r);
  const abilities: TableAbilities = {
    ...wire,
    missConfig: config & 3,
    match: fieldsOfOxm(match | wildcards),
    wildcards: fieldsOfOxm(wildcards),
    writeSetfields: fieldsOfOxm(wire.writeSetfields),
    applySetfields: fieldsOfOxm(wire.applySetfields),
  };
  return { table, activeCount, lookupCount, matchedCount, abilities };
}

function statsReply(version: "1.0" | "1.1" | "1.2", lengths: Lengths, read: (r: Reader) => TableStats): OlderFormat {
  return olderReply(between(version, version), { name: "OFPST_TABLE", number: 3 }, lengths, "table_stats", (r) =>
    readList(r, "tables", read),
  );
}

const mod = struct({ table: u8, _pad: pad(3), config: u32 });

function readMod(r: Reader): Message {
  return { type: "table_mod", ...mod.decode(r), properties: {} };
}

function readAsync(r: Reader): Message {
  return { type: "nxt_set_async_config", ...nxAsyncConfig.decode(r) };
}

const V1_3 = between("1.3", "1.3");

export const OLDER_TABLES: readonly OlderFormat[] = [
  statsReply("1.0", [0, 64], readStats10),
  statsReply("1.1", [0, 88], readStats11),
  statsReply("1.2", [0, 128], readStats12),
  older(between("1.1", "1.3"), { name: "OFPT_TABLE_MOD", number: 17 }, [8, 0], readMod),
  older(V1_3, { name: "OFPT_GET_ASYNC_REPLY", number: 27 }, [24, 0], readAsync),
  older(V1_3, { name: "OFPT_SET_ASYNC", number: 28 }, [24, 0], readAsync),
];
