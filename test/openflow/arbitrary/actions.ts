import fc from "fast-check";
import type { Action, LearnSpec, NatSpec } from "#openflow/actions.ts";
import { FIELDS, type FieldName } from "#openflow/fields.ts";
import { allOnes, matchTerm, sized } from "#openflow/match.ts";
import { OFPP } from "#openflow/ports.ts";
import {
  bytes,
  fieldValue,
  ipv6,
  maskOf,
  output,
  plain,
  port,
  record,
  short,
  subfieldOf,
  table,
  u8,
  u16,
  u32,
  writable,
} from "./values.ts";

export const setField: fc.Arbitrary<Action> = fc.constantFrom(...writable).chain((field) =>
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
export const simple: readonly fc.Arbitrary<Action>[] = [
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
export const forIpv4: readonly fc.Arbitrary<Action>[] = [
  ct(nat),
  fc.constant<Action>({ type: "dec_ttl" }),
  fc.array(u16, { minLength: 1, maxLength: 5 }).map((controllers): Action => ({ type: "dec_ttl", controllers })),
  u8.map((ttl): Action => ({ type: "mod_nw_ttl", ttl })),
  u32.map((value): Action => ({ type: "set_field", field: "ip_src", value })),
  fc.nat(63).map((value): Action => ({ type: "set_field", field: "ip_dscp", value })),
];
export const forIpv6: readonly fc.Arbitrary<Action>[] = [
  ct(nat6),
  ipv6.map((value): Action => ({ type: "set_field", field: "ipv6_dst", value })),
  fc.nat(0xfffff).map((value): Action => ({ type: "set_field", field: "ipv6_label", value })),
];
export const forMpls: readonly fc.Arbitrary<Action>[] = [
  fc.constant<Action>({ type: "dec_mpls_ttl" }),
  u8.map((ttl): Action => ({ type: "set_mpls_ttl", ttl })),
  fc.nat(0xfffff).map((value): Action => ({ type: "set_field", field: "mpls_label", value })),
];
export const forTcp: readonly fc.Arbitrary<Action>[] = [
  record({ type: fc.constant("fin_timeout" as const), idleTimeout: u16, hardTimeout: u16 }),
  u16.map((value): Action => ({ type: "set_field", field: "tcp_dst", value })),
];
export const forTagged: readonly fc.Arbitrary<Action>[] = [
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

export const conjunction: fc.Arbitrary<Action> = fc.integer({ min: 2, max: 64 }).chain((clauses) =>
  record({
    type: fc.constant("conjunction" as const),
    id: u32,
    clause: fc.integer({ min: 1, max: clauses }),
    clauses: fc.constant(clauses),
  }),
);
