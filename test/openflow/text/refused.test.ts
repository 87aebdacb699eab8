import assert from "node:assert/strict";
import { decode, encode } from "#openflow/messages/message.ts";
import { formatMessage, printMessage } from "#openflow/text/message/index.ts";
import { printMessages } from "../ofctl.ts";

/** A message of any version and type, in parts of hexadecimal digits. */
function message(version: number, type: number, ...parts: readonly string[]): Buffer {
  const body = Buffer.from(parts.join(""), "hex");
  const head = Buffer.from([version, type, 0, 0, 0, 0, 0, 1]);
  head.writeUInt16BE(8 + body.length, 2);
  return Buffer.concat([head, body]);
}

const FLOW_MOD = 14;
const HEAD = `${"0".repeat(32)}0000000000008000ffffffffffffffffffffffff00000000`;
const NO_MATCH = "0001000400000000";
const IP = "0001000a80000a020800000000000000";

function framed(type: string, content: string): string {
  const length = content.length / 2 + 4;
  return `${type}${length.toString(16).padStart(4, "0")}${content}`;
}

/** ofp_match, with the zeros behind it. */
function match(terms: string): string {
  const whole = framed("0001", terms);
  return whole.padEnd(Math.ceil(whole.length / 16) * 16, "0");
}

function flowMod(...parts: readonly string[]): Buffer {
  return message(6, FLOW_MOD, HEAD, ...parts);
}

function applied(...actions: readonly string[]): string {
  return framed("0004", `00000000${actions.join("")}`);
}

const OUTPUT = "0000001000000001ffff000000000000";

/** What is kept here, and what Open vSwitch has to say of it. */
const KEPT: readonly (readonly [what: string, refusal: string, bytes: Buffer])[] = [
  ["a field that nobody knows", "OFPBMC_BAD_FIELD", flowMod(match("80007e0401020304"))],
  ["a field of another length", "OFPBMC_BAD_FIELD", flowMod(match("80000a0408000000"))],
  ["a value that the field cannot have", "OFPBMC_BAD_VALUE", flowMod(match("80000a02080080001001ff"))],
  ["a field without what it needs", "OFPBMC_BAD_PREREQ", flowMod(match("80001a020050"))],
  ["a port that there is none of", "OFPBMC_BAD_VALUE", flowMod(match("80000004000fffff"))],
  ["an action that nobody knows", "OFPBAC_BAD_TYPE", flowMod(NO_MATCH, applied("0063000800000000"))],
  ["an action of another vendor", "OFPBAC_BAD_VENDOR", flowMod(NO_MATCH, applied("ffff00100011223301020304aabbccdd"))],
  [
    "an action of Open vSwitch's that nobody knows",
    "OFPBAC_BAD_VENDOR_TYPE",
    flowMod(NO_MATCH, applied("ffff001000002320012c000000000000")),
  ],
  [
    "an action of an older version",
    "OFPBAC_BAD_VENDOR_TYPE",
    flowMod(NO_MATCH, applied("ffff0010000023200004000000000007")),
  ],
  ["an action that is too long", "OFPBAC_BAD_LEN", flowMod(NO_MATCH, applied("00160010000000050000000000000000"))],
  ["an instruction that nobody knows", "OFPBIC_UNKNOWN_INST", flowMod(NO_MATCH, "0022000800000000")],
  ["an experimenter's instruction", "OFPBIC_BAD_EXPERIMENTER", flowMod(NO_MATCH, "ffff000811223344")],
  ["an instruction that is too long", "OFPBIC_BAD_LEN", flowMod(NO_MATCH, "00010010070000000000000000000000")],
  [
    "an unknown instruction behind an unknown action",
    "OFPBIC_UNKNOWN_INST",
    flowMod(NO_MATCH, applied("0063000800000000"), "0022000800000000"),
  ],
  ["an output to nothing", "OFPBAC_BAD_OUT_PORT", flowMod(NO_MATCH, applied("0000001000ffffffffff000000000000"))],
  ["an output to ANY", "OFPBAC_BAD_OUT_PORT", flowMod(NO_MATCH, applied("00000010ffffffffffff000000000000"))],
  [
    "an action that its packets cannot have",
    "OFPBAC_MATCH_INCONSISTENT",
    flowMod(NO_MATCH, applied("0018000800000000")),
  ],
  ["a table that is visited already", "OFPBIC_BAD_TABLE_ID", flowMod(IP, "0001000800000000")],
  [
    "a flow of the emergency cache",
    "OFPFMFC_TABLE_FULL",
    message(
      1,
      FLOW_MOD,
      "003fffff".padEnd(80, "0"),
      "0".repeat(16),
      "00000000000080007fffffffffff0004",
      "0000000800010000",
    ),
  ],
];

/** What cannot be read: the error is that of the first thing that is wrong. */
const UNREADABLE: readonly (readonly [what: string, refusal: string, bytes: Buffer])[] = [
  [
    "an instruction cut short, behind an action cut short",
    "OFPBIC_BAD_LEN",
    flowMod(NO_MATCH, applied("0016000000000005"), "0001001007000000"),
  ],
  [
    "an unknown field before an action cut short",
    "OFPBMC_BAD_FIELD",
    flowMod(match("80007e0401020304"), applied("0016000000000005")),
  ],
  [
    "an unknown command before it",
    "OFPFMFC_BAD_COMMAND",
    message(6, FLOW_MOD, "0".repeat(34), "77", HEAD.slice(36), NO_MATCH, applied("0016000000000005")),
  ],
  [
    "an unknown command in all tables",
    "OFPFMFC_BAD_TABLE_ID",
    message(6, FLOW_MOD, "0".repeat(32), "ff77", HEAD.slice(36), NO_MATCH),
  ],
];

describe("a message that Open vSwitch refuses", () => {
  for (const [what, refusal, bytes] of KEPT)
    it(`is kept, and printed as the refusal: ${what}`, () => {
      const [theirs = ""] = printMessages([bytes]);
      assert.ok(theirs.includes(`***decode error: ${refusal}***`), theirs);
      assert.equal(formatMessage(bytes).trimEnd(), theirs);
      const { message: kept, xid, version } = decode(bytes);
      if (version === 6) assert.equal(Buffer.from(encode(kept, xid)).toString("hex"), bytes.toString("hex"));
    });

  for (const [what, refusal, bytes] of UNREADABLE)
    it(`gives the error that it would answer: ${what}`, () => {
      const [theirs = ""] = printMessages([bytes]);
      assert.ok(theirs.includes(`***decode error: ${refusal}***`), theirs);
      assert.throws(() => decode(bytes), { name: "DecodeError", refusal });
    });

  it("is printed within the bundle that it is a member of", () => {
    const inner = (version: number, xid: string, ...parts: readonly string[]) => {
      const bytes = message(version, FLOW_MOD, ...parts).toString("hex");
      return `${bytes.slice(0, 8)}${xid}${bytes.slice(16)}`;
    };
    const one = "00000001";
    const members: readonly (readonly [refusal: string, member: string])[] = [
      ["OFPBMC_BAD_FIELD", inner(6, one, HEAD, match("80007e0401020304"))],
      ["OFPBMC_BAD_LEN", inner(6, one, HEAD, match("80001a"))],
      ["OFPBFC_MSG_BAD_XID", "0602000800000002"],
      ["OFPBFC_MSG_UNSUP", "0602000800000001"],
      ["OFPBFC_BAD_VERSION", "0502000800000002"],
      ["OFPBFC_MSG_BAD_LEN", "0602000400000002"],
      ["OFPBFC_MSG_BAD_LEN", "060200"],
    ];
    for (const [refusal, member] of members) {
      const bytes = message(6, 34, "0000000100000001", member);
      const theirs = printMessages([bytes]).join("\n");
      assert.ok(theirs.includes(refusal), theirs);
      assert.equal(printMessage(bytes).text.trimEnd(), theirs);
    }
  });

  it("may be a packet's, where only the pipeline's fields count and the others are passed over", () => {
    const out = (terms: string) => message(6, 13, "ffffffff00100000", match(terms), OUTPUT);
    const known = out("8000000400000001");
    assert.equal(formatMessage(out("800000040000000180007e0401020304")), formatMessage(known));
    const twice = out("800000040000000100000000");
    assert.equal(formatMessage(twice).trimEnd(), printMessages([twice])[0]);
    const wrong = out("800000040000000180000a020800");
    assert.match(formatMessage(wrong), /OFPBRC_PIPELINE_FIELDS_ONLY/);
    assert.equal(formatMessage(wrong).trimEnd(), printMessages([wrong])[0]);
  });
});
