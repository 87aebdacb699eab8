import assert from "node:assert/strict";
import type { Action, Subfield } from "#openflow/actions.ts";
import { FIELDS, type Field, type FieldName, findFieldByName, type OxmHeader } from "#openflow/fields.ts";
import { canonicalMatch, type FieldMatch, sized } from "#openflow/match.ts";
import { findFieldByNxmName, nxmNameOf } from "#openflow/nxm-names.ts";
import { formatActions, formatFlow, formatMatch } from "#openflow/text/index.ts";
import { decodeActions, encodeActions } from "#openflow/wire/actions.ts";
import { decodeMatch, encodeMatch } from "#openflow/wire/oxm.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { addFlow } from "../flow-bytes.ts";
import { judgeActions, printMessages } from "../ofctl.ts";

const ALL = Object.values(FIELDS);

function encode(action: Action): Uint8Array {
  const w = new Writer();
  encodeActions(w, [action]);
  return w.finish();
}

function whole({ name, significantBits }: Field): Subfield {
  return { field: name, start: 0, bits: significantBits };
}

/** Somewhere that as many bits can go. */
function destinationFor(field: Field): Subfield {
  if (field.isOption) return { field: "tun_metadata63", start: 0, bits: field.significantBits };
  return { field: "xxreg3", start: 0, bits: field.significantBits };
}

const ESTABLISHED: readonly FieldMatch[] = [{ field: "ct_state", value: 0x22, mask: 0x22 }];

/** What a match needs beside the field, so that a switch takes it. */
const BESIDE: Readonly<Record<Field["prerequisite"], readonly FieldMatch[]>> = {
  none: [],
  ethernet: [],
  "vlan vid": [{ field: "vlan_vid", value: 0x1005 }],
  mpls: [{ field: "eth_type", value: 0x8847 }],
  ipv4: [{ field: "eth_type", value: 0x0800 }],
  ipv6: [{ field: "eth_type", value: 0x86dd }],
  ip: [{ field: "eth_type", value: 0x0800 }],
  arp: [{ field: "eth_type", value: 0x0806 }],
  nsh: [
    { field: "eth_type", value: 0x894f },
    { field: "nsh_mdtype", value: 1 },
  ],
  ct: ESTABLISHED,
  "ct ipv4": [...ESTABLISHED, { field: "eth_type", value: 0x0800 }],
  "ct ipv6": [...ESTABLISHED, { field: "eth_type", value: 0x86dd }],
  "ct protocol": [...ESTABLISHED, { field: "ct_nw_proto", value: 6 }],
  tcp: [
    { field: "eth_type", value: 0x0800 },
    { field: "nw_proto", value: 6 },
  ],
  udp: [
    { field: "eth_type", value: 0x0800 },
    { field: "nw_proto", value: 17 },
  ],
  sctp: [
    { field: "eth_type", value: 0x0800 },
    { field: "nw_proto", value: 132 },
  ],
  icmpv4: [
    { field: "eth_type", value: 0x0800 },
    { field: "nw_proto", value: 1 },
  ],
  icmpv6: [
    { field: "eth_type", value: 0x86dd },
    { field: "nw_proto", value: 58 },
  ],
  nd: [
    { field: "eth_type", value: 0x86dd },
    { field: "nw_proto", value: 58 },
    { field: "icmpv6_type", value: 135 },
    { field: "icmpv6_code", value: 0 },
  ],
  "nd solicit": [
    { field: "eth_type", value: 0x86dd },
    { field: "nw_proto", value: 58 },
    { field: "icmpv6_type", value: 135 },
    { field: "icmpv6_code", value: 0 },
  ],
  "nd advert": [
    { field: "eth_type", value: 0x86dd },
    { field: "nw_proto", value: 58 },
    { field: "icmpv6_type", value: 136 },
    { field: "icmpv6_code", value: 0 },
  ],
};

/** A value that is one for every field, and fields that are shown beside another one only. */
const VALUES: Readonly<Partial<Record<FieldName, number>>> = { vlan_vid: 0x1001, packet_type: 0x1_0800, nw_tos: 4 };
const SHOWN_WITH: Readonly<Partial<Record<FieldName, readonly FieldMatch[]>>> = {
  tun_erspan_idx: [{ field: "tun_erspan_ver", value: 1 }],
  tun_erspan_dir: [{ field: "tun_erspan_ver", value: 2 }],
  tun_erspan_hwid: [{ field: "tun_erspan_ver", value: 2 }],
};

function matchOn({ name, bits, prerequisite }: Field) {
  const own: FieldMatch = { field: name, value: sized(BigInt(VALUES[name] ?? 1), bits) };
  const beside = [...BESIDE[prerequisite], ...(SHOWN_WITH[name] ?? [])].filter(({ field }) => field !== name);
  return canonicalMatch([own, ...beside].sort((a, b) => FIELDS[a.field].order - FIELDS[b.field].order));
}

describe("the table of fields", () => {
  it("has the header, the name and the width that Open vSwitch has in its own actions", () => {
    const actions = ALL.map((field): Action => ({ type: "push", field: whole(field) }));
    const judged = judgeActions(actions.map(encode));
    for (const [i, field] of ALL.entries())
      assert.deepEqual(judged[i], { text: `push:${nxmNameOf(field.name)}[]`, differences: [] }, field.name);
  });

  it("has the header that Open vSwitch writes in OpenFlow 1.5", () => {
    const actions = ALL.map(
      (field): Action => ({ type: "move", source: whole(field), destination: destinationFor(field) }),
    );
    const judged = judgeActions(actions.map(encode));
    for (const [i, field] of ALL.entries())
      assert.deepEqual(judged[i], { text: formatActions([actions[i]!]), differences: [] }, field.name);
  });

  it("is right about which fields can be written", () => {
    const actions = ALL.map((field): Action => ({ type: "pop", field: whole(field) }));
    const judged = judgeActions(actions.map(encode));
    for (const [i, field] of ALL.entries())
      assert.equal(judged[i]?.text.startsWith("pop:"), field.writable, `${field.name}: ${judged[i]?.text}`);
  });

  it("has every field in matches, exact and masked, as Open vSwitch shows it", () => {
    const exact = ALL.map(matchOn);
    const masked = ALL.filter(
      ({ maskable, isOption, format }) => maskable && !isOption && format !== "tunnel flags",
    ).map((field) =>
      canonicalMatch(
        matchOn(field).map((term) =>
          term.field === field.name
            ? { ...term, mask: field.name === "vlan_vid" ? 0x1001 : sized(1n, field.bits) }
            : term,
        ),
      ),
    );
    const flows = [...exact, ...masked].map((match) => ({ table: 0, priority: 1, cookie: 0n, match, actions: [] }));
    const printed = printMessages(flows.map(addFlow));
    for (const [i, flow] of flows.entries())
      assert.equal(printed[i]?.replace(/^.*ADD /, ""), formatFlow(flow), formatMatch(flow.match));
  });

  it("reads older headers of a field as that field", () => {
    const older = ALL.flatMap((field) => field.readAs.map((header) => ({ field, header })));
    const bytes = older.map(({ header }) => pushByHeader(header));
    const judged = judgeActions(bytes);
    for (const [i, { field }] of older.entries()) {
      assert.equal(judged[i]?.text, `push:${nxmNameOf(field.name)}[0]`, field.name);
      assert.deepEqual(decodeActions(new Reader(bytes[i]!)), [
        { type: "push", field: { field: field.name, start: 0, bits: 1 } },
      ]);
    }
  });

  it("finds each field by its names", () => {
    for (const field of ALL) {
      assert.equal(findFieldByName(field.name), field);
      assert.equal(findFieldByNxmName(nxmNameOf(field.name)), field);
    }
    assert.equal(findFieldByName("nw_src"), FIELDS.ip_src);
    assert.equal(findFieldByNxmName("OXM_OF_IPV4_SRC"), FIELDS.ip_src);
    assert.equal(findFieldByName("bogus"), undefined);
  });
});

/** NXAST_STACK_PUSH of the lowest bit of a field, by any of its headers. */
function pushByHeader({ oxmClass, number, experimenter }: OxmHeader): Uint8Array {
  const w = new Writer();
  for (const half of [0xffff, 24]) w.u16(half);
  w.u32(0x2320);
  w.u16(27);
  w.u16(0);
  // The length that a header holds is not looked at where no value follows, but for an experimenter's own 4 bytes.
  const field = ALL.find(({ readAs }) =>
    readAs.some((h) => h.oxmClass === oxmClass && h.number === number && h.experimenter === experimenter),
  );
  const length = (field?.bits ?? 0) / 8 + (experimenter === undefined ? 0 : 4);
  w.u32(oxmClass * 0x1_0000 + (number << 9) + length);
  if (experimenter !== undefined) w.u32(experimenter);
  w.u16(1);
  w.pad(0, 8);
  return w.finish();
}

describe("a match on the wire", () => {
  it("keeps a term of a field that nobody knows, and writes it again", () => {
    const known = "80000a020800"; // eth_type=0x0800
    const unknown = "8000fe040a0b0c0d"; // field 127 of OpenFlow's own class
    const masked = "8003ff0401020f0f"; // another class, with a mask
    const text = `0001001a${known}${unknown}${masked}000000000000`;
    const match = decodeMatch(new Reader(Buffer.from(text, "hex")));
    assert.deepEqual(match, [
      { field: "eth_type", value: 0x0800 },
      { field: "unknown", header: 0x8000fe04, value: 0x0a0b0c0dn },
      { field: "unknown", header: 0x8003ff04, value: 0x0102n, mask: 0x0f0fn },
    ]);
    const w = new Writer();
    encodeMatch(w, match);
    assert.equal(Buffer.from(w.finish()).toString("hex"), text);
  });
});
