import fc from "fast-check";
import type { Action } from "#openflow/actions.ts";
import { FIELDS, type FieldName } from "#openflow/fields.ts";
import type { Flow } from "#openflow/flow.ts";
import { allOnes, canonicalMatch, type FieldMatch, type Match, matchTerm } from "#openflow/match.ts";
import { conjunction, forIpv4, forIpv6, forMpls, forTagged, forTcp, setField, simple } from "./actions.ts";
import { fieldValue, maskOf, output, record, table, u8, u16, u32, u64 } from "./values.ts";

function term(name: FieldName): fc.Arbitrary<FieldMatch> {
  const field = FIELDS[name];
  return fc
    .tuple(fieldValue(field), field.maskable ? fc.option(maskOf(field), { nil: undefined }) : fc.constant(undefined))
    .map(([value, mask]) => matchTerm(name, value, mask) ?? matchTerm(name, value))
    .filter((made) => made !== undefined);
}

function fixed(name: FieldName, value: number): fc.Arbitrary<FieldMatch> {
  return fc.constant({ field: name, value });
}

/** Some of the terms, each or none. */
function some(names: readonly FieldName[], most: number): fc.Arbitrary<readonly FieldMatch[]> {
  return fc
    .subarray([...names], { maxLength: Math.min(most, names.length) })
    .chain((chosen) => fc.tuple(...chosen.map(term)));
}

interface Kind {
  readonly fixed: readonly fc.Arbitrary<FieldMatch>[];
  readonly fields: readonly FieldName[];
  readonly actions: readonly fc.Arbitrary<Action>[];
}

const IP_FIELDS = ["ip_dscp", "nw_ecn", "nw_ttl"] as const;
const KINDS: readonly Kind[] = [
  { fixed: [], fields: [], actions: [] },
  { fixed: [fixed("eth_type", 0x0800)], fields: ["ip_src", "ip_dst", ...IP_FIELDS, "nw_proto"], actions: forIpv4 },
  {
    fixed: [fixed("eth_type", 0x0800), fixed("nw_proto", 6)],
    fields: ["ip_src", "ip_dst", "tcp_src", "tcp_dst", "tcp_flags", ...IP_FIELDS],
    actions: [...forIpv4, ...forTcp],
  },
  {
    fixed: [fixed("eth_type", 0x86dd), fixed("nw_proto", 17)],
    fields: ["ipv6_src", "ipv6_dst", "ipv6_label", "udp_src", "udp_dst", ...IP_FIELDS],
    actions: forIpv6,
  },
  { fixed: [fixed("eth_type", 0x86dd), fixed("nw_proto", 132)], fields: ["sctp_src", "sctp_dst"], actions: forIpv6 },
  { fixed: [fixed("eth_type", 0x0800), fixed("nw_proto", 1)], fields: ["icmp_type", "icmp_code"], actions: forIpv4 },
  {
    fixed: [fixed("eth_type", 0x86dd), fixed("nw_proto", 58), fixed("icmpv6_type", 135), fixed("icmpv6_code", 0)],
    fields: ["nd_target", "nd_sll", "nd_reserved"],
    actions: forIpv6,
  },
  {
    fixed: [fixed("eth_type", 0x86dd), fixed("nw_proto", 58), fixed("icmpv6_type", 136), fixed("icmpv6_code", 0)],
    fields: ["nd_target", "nd_tll", "nd_options_type"],
    actions: [],
  },
  {
    fixed: [fixed("eth_type", 0x0806)],
    fields: ["arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"],
    actions: [u8.map((value): Action => ({ type: "set_field", field: "arp_op", value }))],
  },
  { fixed: [fixed("eth_type", 0x8847)], fields: ["mpls_label", "mpls_tc", "mpls_bos", "mpls_ttl"], actions: forMpls },
  {
    fixed: [fixed("eth_type", 0x894f)],
    fields: ["nsh_flags", "nsh_np", "nsh_si"],
    actions: [fc.constant<Action>({ type: "dec_nsh_ttl" })],
  },
  { fixed: [fixed("eth_type", 0x88cc)], fields: [], actions: [] },
  {
    fixed: [fc.nat(0xfff).map((vid) => ({ field: "vlan_vid" as const, value: vid | 0x1000 }))],
    fields: ["vlan_pcp"],
    actions: forTagged,
  },
];

const METADATA_FIELDS: readonly FieldName[] = [
  "conj_id",
  "in_port",
  "actset_output",
  "eth_src",
  "eth_dst",
  "tun_id",
  "tun_src",
  "tun_dst",
  "tun_ipv6_dst",
  "tun_gbp_id",
  "reg0",
  "reg1",
  "reg2",
  "reg15",
  "pkt_mark",
  "ct_state",
  "ct_zone",
  "ct_mark",
  "ct_label",
  "metadata",
];

/** A whole flow, of one of the kinds of packet. */
export const anyFlow: fc.Arbitrary<Flow> = fc.constantFrom(...KINDS).chain((kind) =>
  record({
    cookie: fc.oneof(fc.constant(0n), u64),
    table,
    priority: fc.oneof(fc.constant(0x8000), u16),
    fixed: fc.tuple(...kind.fixed),
    own: some(kind.fields, 4),
    others: some(METADATA_FIELDS, 4),
    actions: fc.oneof(
      fc.array(fc.oneof(...simple, ...kind.actions), { maxLength: 4 }),
      fc.array(conjunction, { minLength: 1, maxLength: 3 }),
    ),
    instructions,
    timeouts: record(
      {
        idleTimeout: fc.integer({ min: 1, max: 0xffff }),
        hardTimeout: fc.integer({ min: 1, max: 0xffff }),
        flags: fc.integer({ min: 1, max: 31 }),
        importance: fc.integer({ min: 1, max: 0xffff }),
      },
      { requiredKeys: [] },
    ),
  }).map(
    ({
      cookie,
      table: own,
      priority,
      fixed: decided,
      own: terms,
      others,
      actions,
      instructions: tail,
      timeouts,
    }): Flow => {
      const isConjunctive = actions[0]?.type === "conjunction";
      const match: Match = canonicalMatch([...decided, ...terms, ...others].filter(isOnly));
      const allowed = isInvalidConnection(match) ? actions.filter((action) => action.type !== "ct") : actions;
      const behind = isConjunctive ? [] : tail.filter((action) => action.type !== "goto_table" || action.table > own);
      return { cookie, table: own, priority, match, actions: [...allowed, ...behind], ...timeouts };
    },
  ),
);

/** In their order, each or none. */
const instructions: fc.Arbitrary<readonly Action[]> = fc
  .tuple(
    fc.option(fc.constant<Action>({ type: "clear_actions" }), { nil: undefined }),
    fc.option(
      fc
        .array(
          fc.oneof(
            setField,
            output.map((to): Action => ({ type: "output", port: to })),
            u32.map((groupId): Action => ({ type: "group", groupId })),
          ),
          { minLength: 1, maxLength: 3 },
        )
        .map((actions): Action => ({ type: "write_actions", actions })),
      { nil: undefined },
    ),
    fc.option(
      fc
        .tuple(u64, fc.bigInt({ min: 1n, max: allOnes(64) - 1n }))
        .map(([value, mask]): Action => ({ type: "write_metadata", value, mask })),
      { nil: undefined },
    ),
    fc.option(
      table.map((to): Action => ({ type: "goto_table", table: to })),
      { nil: undefined },
    ),
  )
  .map((given) => given.filter((action) => action !== undefined));

/** The same field twice is no match: the first counts. */
function isOnly(given: FieldMatch, index: number, all: readonly FieldMatch[]): boolean {
  return all.findIndex(({ field }) => field === given.field) === index;
}

function isInvalidConnection(match: Match): boolean {
  return match.some(({ field, value }) => field === "ct_state" && (Number(value) & 0x10) !== 0);
}
