import type { MessageOf } from "#openflow/messages/message.ts";
import { formatHex, formatIpv6 } from "#openflow/text/values.ts";
import { formatCounter, refuse, shortHex } from "./words.ts";

export function formatNxRole({ role }: MessageOf<"nxt_role_request"> | MessageOf<"nxt_role_reply">): string {
  return ` role=${role}`;
}

export function formatFlowModTableId({ enable }: MessageOf<"nxt_flow_mod_table_id">): string {
  return ` ${enable === 0 ? "disable" : "enable"}`;
}

type Mappings = MessageOf<"nxt_tlv_table_mod">["mappings"];
/** Geneve's options are at most so long. */
const LONGEST_OPTION = 124;
const TUN_METADATA_FIELDS = 64;

function formatMappings(mappings: Mappings, fields: number): string {
  for (const { optionLength, index } of mappings) {
    if (optionLength % 4 !== 0 || optionLength > LONGEST_OPTION)
      refuse(`no option has a length of ${optionLength}`, "NXTTMFC_BAD_OPT_LEN");
    if (index >= fields) refuse(`there is no tun_metadata${index}`, "NXTTMFC_BAD_FIELD_IDX");
  }
  const lines = mappings.map(
    ({ optionClass, optionType, optionLength, index }) =>
      `\n ${shortHex(optionClass).padStart(6)}  ${shortHex(optionType).padStart(4)}  ` +
      `${`${optionLength}`.padStart(6)}  tun_metadata${index}`,
  );
  return ` mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------${lines.join("")}`;
}

const TLV_COMMANDS = { add: "ADD", delete: "DEL", clear: "CLEAR" } as const;

export function formatTlvTableMod({ command, mappings }: MessageOf<"nxt_tlv_table_mod">): string {
  const table = formatMappings(mappings, TUN_METADATA_FIELDS);
  return `\n ${TLV_COMMANDS[command]}${command === "clear" ? "" : table}`;
}

export function formatTlvTableReply({ maxOptionSpace, maxFields, mappings }: MessageOf<"nxt_tlv_table_reply">): string {
  const allocated = mappings.reduce((sum, { optionLength }) => sum + optionLength, 0);
  return (
    `\n max option space=${maxOptionSpace} max fields=${maxFields}\n` +
    ` allocated option space=${allocated}\n\n${formatMappings(mappings, maxFields)}`
  );
}

type Tuple = NonNullable<MessageOf<"nxt_ct_flush">["properties"]["original"]>;
const ICMP = 1;
const ICMPV6 = 58;

/** IPv4 stands in the last 32 bits of ::ffff:0:0/96. */
function isMapped(address: bigint): boolean {
  return address >> 32n === 0xffffn;
}

function formatAddress(address: bigint): string {
  const text = formatIpv6(address);
  return isMapped(address) ? text.slice(text.lastIndexOf(":") + 1) : text;
}

/** The family that the last address has; Open vSwitch takes one of zeros for none. */
function isIpv4(tuples: readonly Tuple[]): boolean {
  let family: boolean | undefined;
  for (const { source, destination } of tuples)
    for (const address of [source, destination]) {
      if (address === undefined) continue;
      const own = address === 0n ? undefined : isMapped(address);
      if (family !== undefined && own !== undefined && family !== own)
        refuse("IPv4 and IPv6 addresses in one match", "OFPBPC_BAD_VALUE");
      family = own;
    }
  return family ?? false;
}

function formatTuple(tuple: Tuple, ipProto: number, isV4: boolean): string {
  const prefix = isV4 ? "ct_nw" : "ct_ipv6";
  const { source = 0n, destination = 0n, sourcePort = 0, destinationPort = 0 } = tuple;
  const addresses = `${prefix}_src=${formatAddress(source)},${prefix}_dst=${formatAddress(destination)}`;
  if (ipProto !== ICMP && ipProto !== ICMPV6)
    return `${addresses},ct_tp_src=${sourcePort},ct_tp_dst=${destinationPort}`;
  const { icmpId = 0, icmpType = 0, icmpCode = 0 } = tuple;
  return `${addresses},icmp_id=${icmpId},icmp_type=${icmpType},icmp_code=${icmpCode}`;
}

const ALL_OF_MARK = 0xffff_ffff;
const ALL_OF_LABELS = (1n << 128n) - 1n;

/** Nothing where no bit counts: a mask without a value is one of zeros. */
function formatMasked<V extends number | bigint>(
  name: string,
  value: V | undefined,
  mask: V | undefined,
  all: V,
): string {
  const counts = mask ?? (value === undefined ? undefined : all);
  if (counts === undefined || !counts) return "";
  return `${name}=${formatHex(value ?? 0)}${counts === all ? "" : `/${formatHex(counts)}`} `;
}

export function formatCtFlush({ ipProto, properties }: MessageOf<"nxt_ct_flush">): string {
  const { original = {}, reply = {}, zone = 0, mark, markMask, labels, labelsMask } = properties;
  const isV4 = isIpv4([original, reply]);
  return (
    ` zone=${zone} ${formatMasked("mark", mark, markMask, ALL_OF_MARK)}` +
    `${formatMasked("labels", labels, labelsMask, ALL_OF_LABELS)}'${formatTuple(original, ipProto, isV4)},ct_nw_proto=${ipProto}' ` +
    `'${formatTuple(reply, ipProto, isV4)}'`
  );
}

type IpfixStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "nxst_ipfix_bridge" }>["body"];

function formatIpfixStats(stats: IpfixStats, indent: number): string {
  const count = formatCounter;
  return (
    `flows=${count(stats.totalFlows)}, current flows=${count(stats.currentFlows)}, ` +
    `sampled pkts=${count(stats.packets)}, ipv4 ok=${count(stats.ipv4Packets)}, ` +
    `ipv6 ok=${count(stats.ipv6Packets)}, tx pkts=${count(stats.txPackets)}\n${" ".repeat(indent)}` +
    `pkts errs=${count(stats.errorPackets)}, ipv4 errs=${count(stats.ipv4ErrorPackets)}, ` +
    `ipv6 errs=${count(stats.ipv6ErrorPackets)}, tx errs=${count(stats.txErrors)}\n`
  );
}

export function formatIpfixBridge(stats: IpfixStats): string {
  return `\n  bridge ipfix: ${formatIpfixStats(stats, 16)}`;
}

export function formatIpfixFlows(collectors: readonly IpfixStats[]): string {
  const list = collectors.map(
    (stats) => `  id ${`${stats.collectorSetId}`.padStart(3)}: ${formatIpfixStats(stats, 10)}`,
  );
  return ` ${collectors.length} ids\n${list.join("")}`;
}
