import fc from "fast-check";
import type { Action, LearnSpec, NatSpec, Subfield } from "#openflow/actions.ts";
import { FIELDS, type Field, type FieldName } from "#openflow/fields.ts";
import type { Flow } from "#openflow/flow.ts";
import { allOnes, canonicalMatch, type FieldMatch, type Match, matchTerm, sized } from "#openflow/match.ts";
import { OFPP } from "#openflow/ports.ts";

/** Plain objects, as the codecs make them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T>;
function record<T, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  options: { readonly requiredKeys: K[] },
): fc.Arbitrary<Partial<T> & Pick<T, K>>;
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, options = {}): fc.Arbitrary<unknown> {
  return fc.record(model, { noNullPrototype: true, ...options });
}

/** Values as a switch accepts them: each flow that is made here goes through Open vSwitch's own tool. */

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);

const u64 = fc.bigInt({ min: 0n, max: allOnes(64) });
const ipv6 = fc.bigInt({ min: 1n, max: allOnes(128) });
const table = fc.nat(254);
const port = fc.oneof(fc.nat(0xfeff), fc.constantFrom(OFPP.LOCAL, OFPP.IN_PORT));
const output = fc.oneof(port, fc.constantFrom(OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.TABLE));
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });

/** Fields that are there in any packet, so that no match needs to say more. */
const plain = Object.values(FIELDS).filter(
  ({ prerequisite, isOption, name }) =>
    (prerequisite === "none" || name === "eth_src" || name === "eth_dst") && !isOption && name !== "packet_type",
);
const writable = plain.filter(
  ({ name, writable: can }) => can && !name.startsWith("in_port") && name !== "ct_mark" && name !== "ct_label",
);
const short = (fields: readonly Field[]) => fields.filter(({ nxmHeader }) => nxmHeader.experimenter === undefined);

function subfieldOf(fields: readonly Field[], bits?: number): fc.Arbitrary<Subfield> {
  const wide = fields.filter(({ significantBits }) => significantBits >= (bits ?? 1));
  return fc
    .constantFrom(...wide)
    .chain(({ name, significantBits }) =>
      fc
        .integer({ min: bits ?? 1, max: bits ?? Math.min(64, significantBits) })
        .chain((width) => fc.nat(significantBits - width).map((start) => ({ field: name, start, bits: width }))),
    );
}

function fieldValue({ bits, exactBits, format, name }: Field): fc.Arbitrary<number | bigint> {
  if (format === "port") return port;
  const width = name === "vlan_vid" ? 12 : name === "arp_op" ? 8 : exactBits;
  return fc.bigInt({ min: 0n, max: allOnes(width) }).map((value) => sized(value, bits));
}

/** ovs-ofctl takes the first digits of an IPv6 mask that is no prefix for the length of one: here it begins with a letter. */
function maskOf(field: Field): fc.Arbitrary<number | bigint> {
  if (field.format !== "ipv6") return fieldValue(field);
  const prefix = fc.integer({ min: 1, max: 127 }).map((length) => allOnes(length) << BigInt(128 - length));
  return fc.oneof(prefix, fc.bigInt({ min: 0xfn << 124n, max: allOnes(128) }));
}

const setField: fc.Arbitrary<Action> = fc.constantFrom(...writable).chain((field) =>
  fc.tuple(fieldValue(field), fc.option(maskOf(field), { nil: undefined })).map(([value, mask]): Action => {
    const term = matchTerm(field.name, value, field.format === "tunnel flags" ? undefined : mask);
    return { type: "set_field", ...(term ?? { field: field.name, value }) };
  }),
);

const move = subfieldOf(writable).chain((destination) =>
  subfieldOf(plain, destination.bits).map((source): Action => ({ type: "move", source, destination })),
);

const learnSpec: fc.Arbitrary<LearnSpec> = fc.oneof(
  fc.constantFrom("match" as const, "load" as const).chain((type) =>
    subfieldOf(short(writable)).chain((destination) =>
      fc
        .oneof(
          subfieldOf(short(plain), destination.bits),
          fc.bigInt({ min: 0n, max: allOnes(destination.bits) }).map((value) => sized(value, destination.bits)),
        )
        // Bits beyond the low one of tun_flags, and of others that are not whole numbers, have no text.
        .filter((source) => typeof source === "object" || FIELDS[destination.field].format !== "tunnel flags")
        .map((source) => ({ type, source, destination })),
    ),
  ),
  subfieldOf(short(plain)).map((source) => ({ type: "output" as const, source })),
);

const learn: fc.Arbitrary<Action> = record(
  {
    table,
    priority: u16,
    idleTimeout: fc.integer({ min: 1, max: 0xffff }),
    hardTimeout: fc.integer({ min: 1, max: 0xffff }),
    finIdleTimeout: fc.integer({ min: 1, max: 0xffff }),
    finHardTimeout: fc.integer({ min: 1, max: 0xffff }),
    cookie: fc.bigInt({ min: 1n, max: allOnes(64) }),
    sendFlowRemoved: fc.constant(true),
    deleteLearned: fc.constant(true),
    limit: fc.integer({ min: 1, max: 0x7fff_ffff }),
    resultDestination: subfieldOf(writable, 1),
    specs: fc.array(learnSpec, { maxLength: 4 }),
  },
  { requiredKeys: ["table", "priority", "specs"] },
).map((rest) => ({ type: "learn", ...rest }));

const hashFields = fc.constantFrom(
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
);
const members = {
  fields: hashFields,
  basis: u16,
  algorithm: fc.constantFrom("active_backup", "hrw"),
  members: fc.array(fc.oneof(fc.nat(0xfeff), fc.constant(OFPP.LOCAL)), { maxLength: 6 }),
};

const controller: fc.Arbitrary<Action> = record(
  {
    reason: fc.constantFrom(0, 2, 3, 4, 5),
    maxLength: fc.nat(0xfffe),
    id: fc.integer({ min: 1, max: 0xffff }),
    userdata: bytes,
    pause: fc.constant(true),
    meterId: fc.integer({ min: 1, max: 0xffff }),
  },
  { requiredKeys: [] },
)
  // What has the text of an output is one: CONTROLLER:128.
  .filter(({ maxLength: _, ...others }) => Object.keys(others).length > 0)
  .map((rest) => ({ type: "controller", ...rest }));

const encap: fc.Arbitrary<Action> = fc.oneof(
  fc
    .constantFrom("ethernet" as const, "mpls" as const, "mpls_mc" as const)
    .map((header): Action => ({ type: "encap", header })),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(1, 2).map((value) => ({ type: "md_type" as const, value })),
        record({ tlvClass: u16, tlvType: u8, bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }) })
          .filter((tlv) => (tlv.bytes[0] ?? 0) >= 0x10)
          .map((tlv) => ({ type: "tlv" as const, ...tlv })),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((properties): Action => ({ type: "encap", header: "nsh", properties })),
);

const sample: fc.Arbitrary<Action> = record(
  {
    probability: fc.integer({ min: 1, max: 0xffff }),
    collectorSetId: u32,
    observationDomainId: u32,
    observationPointId: u32,
    samplingPort: fc.nat(0xfeff),
    direction: fc.constantFrom("ingress", "egress"),
  },
  { requiredKeys: ["probability", "collectorSetId", "observationDomainId", "observationPointId"] },
).map((rest) => ({ type: "sample", ...rest }));

const resubmit: fc.Arbitrary<Action> = fc.oneof(
  table.map((to): Action => ({ type: "resubmit", table: to })),
  fc.nat(0xfeff).map((from): Action => ({ type: "resubmit", port: from })),
  fc.tuple(fc.nat(0xfeff), table).map(([from, to]): Action => ({ type: "resubmit", port: from, table: to })),
);

/** Actions that may stand in any flow, one by one or beside each other. */
const simple: readonly fc.Arbitrary<Action>[] = [
  output.map((to): Action => ({ type: "output", port: to })),
  fc
    .integer({ min: 1, max: 0xffff })
    .map((maxLength): Action => ({ type: "output", port: OFPP.CONTROLLER, maxLength })),
  subfieldOf(plain).map((source): Action => ({ type: "output_reg", source })),
  record({ type: fc.constant("output_trunc" as const), port, maxLength: fc.integer({ min: 14, max: 0xffff_ffff }) }),
  u32.map((groupId): Action => ({ type: "group", groupId })),
  controller,
  record(members).map((rest): Action => ({ type: "bundle", ...rest }) as Action),
  record({ ...members, destination: subfieldOf(short(writable), 16) }).map(
    (rest): Action => ({ type: "bundle_load", ...rest }) as Action,
  ),
  u32.map((queueId): Action => ({ type: "set_queue", queueId })),
  fc.constantFrom<Action>({ type: "pop_queue" }, { type: "exit" }, { type: "ct_clear" }),
  setField,
  move,
  subfieldOf(plain).map((field): Action => ({ type: "push", field })),
  subfieldOf(writable).map((field): Action => ({ type: "pop", field })),
  fc.nat(63).map((i): Action => ({ type: "delete_field", field: `tun_metadata${i}` as FieldName })),
  record({ type: fc.constant("check_pkt_larger" as const), length: u16, destination: subfieldOf(writable, 1) }),
  record({
    type: fc.constant("multipath" as const),
    fields: hashFields,
    basis: u16,
    algorithm: fc.constantFrom("modulo_n", "hash_threshold", "hrw", "iter_hash"),
    links: fc.integer({ min: 1, max: 65536 }),
    argument: fc.nat(0x7fff_ffff),
    destination: subfieldOf(short(writable), 16),
  }) as fc.Arbitrary<Action>,
  resubmit,
  learn,
  sample,
  fc.array(u8, { minLength: 1, maxLength: 20 }).map((given): Action => {
    const note = new Uint8Array(6 + 8 * Math.ceil(Math.max(0, given.length - 6) / 8));
    note.set(given);
    return { type: "note", bytes: note };
  }),
];

const nat: fc.Arbitrary<NatSpec> = record({
  type: fc.constantFrom("src", "dst"),
  low: fc.integer({ min: 1, max: 0xffff_ffff }),
  span: fc.nat(3),
  ports: fc.option(fc.tuple(fc.integer({ min: 1, max: 65000 }), fc.nat(5)), { nil: undefined }),
  isPersistent: fc.boolean(),
  isV6: fc.constant(false),
  choice: fc.constantFrom("hash", "random", "neither"),
}).map(({ type, low, span, ports, isPersistent, choice }): NatSpec => {
  const high = Math.min(0xffff_ffff, low + span);
  return {
    type: type === "src" ? "src" : "dst",
    minAddress: low,
    ...(high === low ? {} : { maxAddress: high }),
    ...(ports === undefined ? {} : { minPort: ports[0], ...(ports[1] === 0 ? {} : { maxPort: ports[0] + ports[1] }) }),
    ...(isPersistent ? { persistent: true } : {}),
    ...(choice === "neither" ? {} : { [choice]: true }),
  };
});

const nat6 = fc.tuple(nat, ipv6).map(([spec, address]): NatSpec => {
  const { minAddress: _, maxAddress, ...others } = spec;
  const high = address === allOnes(128) ? address : address + 1n;
  return {
    ...others,
    minAddress: address,
    ...(maxAddress === undefined || high === address ? {} : { maxAddress: high }),
  };
});

const connectionSetter: fc.Arbitrary<Action> = fc.oneof(
  fc.tuple(u32, fc.option(u32, { nil: undefined })).map(([value, mask]): Action => {
    const term = matchTerm("ct_mark", value, mask) ?? { field: "ct_mark" as const, value };
    return { type: "set_field", ...term };
  }),
  fc.bigInt({ min: 0n, max: allOnes(128) }).map((value): Action => ({ type: "set_field", field: "ct_label", value })),
  fc.integer({ min: 1, max: 32 }).chain((bits) =>
    record({
      type: fc.constant("move" as const),
      source: subfieldOf(plain, bits),
      destination: subfieldOf([FIELDS.ct_mark, FIELDS.ct_label], bits),
    }),
  ),
);

function ct(natSpec: fc.Arbitrary<NatSpec>): fc.Arbitrary<Action> {
  const zone = fc.oneof(fc.integer({ min: 1, max: 0xffff }), subfieldOf(short(plain), 16));
  const sent = record({ table, zone, nat: fc.constant(true as const) }, { requiredKeys: [] }).map(
    (rest): Action => ({ type: "ct", ...rest }),
  );
  const committed = record(
    {
      force: fc.constant(true),
      table,
      zone,
      nat: fc.oneof(natSpec, fc.constant(true as const)),
      exec: fc.array(connectionSetter, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ).map((rest): Action => ({ type: "ct", commit: true, ...rest }));
  return fc.oneof(sent, committed);
}

/** Actions by what a packet must be for them. */
const forIpv4: readonly fc.Arbitrary<Action>[] = [
  ct(nat),
  fc.constant<Action>({ type: "dec_ttl" }),
  fc.array(u16, { minLength: 1, maxLength: 5 }).map((controllers): Action => ({ type: "dec_ttl", controllers })),
  u8.map((ttl): Action => ({ type: "mod_nw_ttl", ttl })),
  u32.map((value): Action => ({ type: "set_field", field: "ip_src", value })),
  fc.nat(63).map((value): Action => ({ type: "set_field", field: "ip_dscp", value })),
];
const forIpv6: readonly fc.Arbitrary<Action>[] = [
  ct(nat6),
  ipv6.map((value): Action => ({ type: "set_field", field: "ipv6_dst", value })),
  fc.nat(0xfffff).map((value): Action => ({ type: "set_field", field: "ipv6_label", value })),
];
const forMpls: readonly fc.Arbitrary<Action>[] = [
  fc.constant<Action>({ type: "dec_mpls_ttl" }),
  u8.map((ttl): Action => ({ type: "set_mpls_ttl", ttl })),
  fc.nat(0xfffff).map((value): Action => ({ type: "set_field", field: "mpls_label", value })),
];
const forTcp: readonly fc.Arbitrary<Action>[] = [
  record({ type: fc.constant("fin_timeout" as const), idleTimeout: u16, hardTimeout: u16 }),
  u16.map((value): Action => ({ type: "set_field", field: "tcp_dst", value })),
];
const forTagged: readonly fc.Arbitrary<Action>[] = [
  fc.nat(0xfff).map((vid): Action => ({ type: "set_field", field: "vlan_vid", value: vid | 0x1000 })),
  fc.nat(7).map((value): Action => ({ type: "set_field", field: "vlan_pcp", value })),
];
const changers: readonly fc.Arbitrary<Action>[] = [
  fc.constantFrom(0x8100, 0x88a8).map((etherType): Action => ({ type: "push_vlan", etherType })),
  fc.constantFrom(0x8847, 0x8848).map((etherType): Action => ({ type: "push_mpls", etherType })),
  encap,
  fc.oneof(
    fc.constant<Action>({ type: "decap" }),
    u16.map((type): Action => ({ type: "decap", packetType: 0x1_0000 + type })),
  ),
];

/** Every plain action, as far as it may stand anywhere: for its bytes, which no match is asked about. */
export const anyAction: fc.Arbitrary<Action> = fc.oneof(
  ...simple,
  ...forIpv4,
  ...forIpv6,
  ...forMpls,
  ...forTcp,
  ...forTagged,
  ...changers,
  u32.map((meterId): Action => ({ type: "meter", meterId: Math.max(1, meterId % 0xffff_0000) })),
  fc.constantFrom<Action>({ type: "pop_vlan" }, { type: "dec_nsh_ttl" }),
  fc.tuple(u16).map(([etherType]): Action => ({ type: "pop_mpls", etherType })),
  fc.array(fc.oneof(...simple), { maxLength: 3 }).map((actions): Action => ({ type: "clone", actions })),
);

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

const conjunction: fc.Arbitrary<Action> = fc.integer({ min: 2, max: 64 }).chain((clauses) =>
  record({
    type: fc.constant("conjunction" as const),
    id: u32,
    clause: fc.integer({ min: 1, max: clauses }),
    clauses: fc.constant(clauses),
  }),
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
