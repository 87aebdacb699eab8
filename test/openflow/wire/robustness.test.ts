import assert from "node:assert/strict";
import fc from "fast-check";
import type { Action } from "#openflow/actions.ts";
import { DecodeError, EncodeError } from "#openflow/errors.ts";
import type { FieldName } from "#openflow/fields.ts";
import { parseFlow } from "#openflow/text/index.ts";
import { decodeInstructions, encodeInstructions } from "#openflow/wire/instructions.ts";
import { decodeMatch, encodeMatch } from "#openflow/wire/oxm.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { anyFlow } from "../arbitrary/flows.ts";
import { TAKEN } from "../text/corpus.ts";

interface Codec {
  readonly name: string;
  encode(w: Writer, value: never): void;
  decode(r: Reader): unknown;
}

const INSTRUCTIONS: Codec = { name: "instructions", encode: encodeInstructions, decode: decodeInstructions };
const MATCH: Codec = { name: "match", encode: encodeMatch, decode: decodeMatch };

function encode(codec: Codec, value: unknown): Uint8Array {
  const w = new Writer();
  codec.encode(w, value as never);
  return w.finish();
}

/** The value; or the error, which is held to what it promises. */
function tryDecode(codec: Codec, bytes: Uint8Array): { readonly value?: unknown; readonly error?: DecodeError } {
  const r = new Reader(bytes);
  try {
    return { value: codec.decode(r) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { offset, hex, path } = error.details as { offset: number; hex: string; path: string };
    assert.ok(offset >= 0 && offset <= bytes.length, `offset ${offset} of ${bytes.length}`);
    assert.match(hex, /^([0-9a-f]{2}){0,32}$/);
    assert.equal(typeof path, "string");
    return { error };
  }
}

const corpus = TAKEN.map((text) => parseFlow(text));
const samples: readonly (readonly [Codec, Uint8Array])[] = [
  ...corpus.map(({ actions }) => [INSTRUCTIONS, encode(INSTRUCTIONS, actions)] as const),
  ...corpus.map(({ match }) => [MATCH, encode(MATCH, match)] as const),
];

describe("bytes that are no flow", () => {
  it("are refused, wherever they end too early", () => {
    for (const [codec, bytes] of samples)
      for (let length = 1; length < bytes.length; length++) {
        const { error, value } = tryDecode(codec, bytes.slice(0, length));
        // Between two instructions is an end as good as any.
        if (error === undefined)
          assert.equal(
            Buffer.from(encode(codec, value)).toString("hex"),
            Buffer.from(bytes.slice(0, length)).toString("hex"),
          );
      }
  });

  it("give a DecodeError or a value, whatever stands in them, and the value can be written again", () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(0xff)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), flips, ([codec, bytes], changes) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) if (changed.length > 0) changed[at % changed.length] = byte;
        const { value } = tryDecode(codec, changed);
        if (value === undefined) return;
        const again = tryDecode(codec, encode(codec, value));
        assert.deepEqual(again.value, value, Buffer.from(changed).toString("hex"));
      }),
      { numRuns: 20_000 },
    );
  });

  it("are refused, or read, at random", () => {
    fc.assert(
      fc.property(fc.constantFrom(INSTRUCTIONS, MATCH), fc.uint8Array({ maxLength: 120 }), (codec, bytes) => {
        tryDecode(codec, bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it("are refused when actions hold one another too deeply", () => {
    let actions: readonly Action[] = [{ type: "output", port: 1 }];
    for (let depth = 0; depth < 40; depth++) actions = [{ type: "clone", actions }];
    const { error } = tryDecode(INSTRUCTIONS, encode(INSTRUCTIONS, actions));
    assert.match(error?.message ?? "", /apply_actions\.actions\[0\]\.clone\..*nested too deeply/);
  });

  it("say where in the message, what was expected and what was found", () => {
    const bytes = encode(INSTRUCTIONS, parseFlow("ip,actions=output:1,ct(commit,exec(set_field:1->ct_mark))").actions);
    bytes[8 + 16 + 24 + 3] = 12;
    const { error } = tryDecode(INSTRUCTIONS, bytes);
    assert.equal(
      error?.message,
      "apply_actions.actions[1].ct.actions[0] at byte 48: action length 12; a multiple of 8 is expected",
    );
  });
});

describe("instructions", () => {
  it("are read in the order in which they are carried out, however they came", () => {
    const [goto, clear, apply] = [
      "0001000807000000",
      "0005000800000000",
      "000400180000000000000010000000010000000000000000",
    ];
    assert.deepEqual(decodeInstructions(new Reader(Buffer.from(`${goto}${clear}${apply}`, "hex"))), [
      { type: "output", port: 1 },
      { type: "clear_actions" },
      { type: "goto_table", table: 7 },
    ]);
    assert.throws(
      () => decodeInstructions(new Reader(Buffer.from(`${goto}${goto}`, "hex"))),
      /instruction 1 comes twice/,
    );
  });
});

describe("an action that is not known", () => {
  const cases: readonly (readonly [what: string, hex: string])[] = [
    ["of the standard", "00630010aabbccdd0011223344556677"],
    ["of Open vSwitch's own", "ffff001800002320012c0102030405060708090a0b0c0d0e"],
    ["of another vendor", "ffff0010001122330102030405060708"],
    ["that names a field which is not known", "ffff00180000232000320001ff0000000000000000000000"],
    ["that goes on behind what is known of it", "0016001800000005000000000000000100000000000000ff"],
  ];
  for (const [what, hex] of cases)
    it(`${what} is kept and written again`, () => {
      const bytes = Buffer.from(hex, "hex");
      const instruction = Buffer.concat([Buffer.from([0, 4, 0, bytes.length + 8, 0, 0, 0, 0]), bytes]);
      const actions = decodeInstructions(new Reader(instruction));
      assert.deepEqual(actions, [{ type: "unknown", bytes: new Uint8Array(bytes) }]);
      assert.deepEqual(Buffer.from(encode(INSTRUCTIONS, actions)), instruction);
    });

  it("nor an instruction is lost", () => {
    const instruction = Buffer.from("ffff00100011223344556677aabbccdd", "hex");
    const actions = decodeInstructions(new Reader(instruction));
    assert.deepEqual(actions, [{ type: "unknown_instruction", bytes: new Uint8Array(instruction) }]);
    assert.deepEqual(Buffer.from(encode(INSTRUCTIONS, actions)), instruction);
  });
});

describe("a value that the wire cannot carry", () => {
  const refused: readonly (readonly [action: Action, message: RegExp])[] = [
    [{ type: "group", groupId: 2 ** 32 }, /^group: 4294967296 is no unsigned number of 32 bits$/],
    [{ type: "group", groupId: -1 }, /^group: -1 /],
    [{ type: "group", groupId: 1.5 }, /^group: 1.5 /],
    [{ type: "output", port: Number.NaN }, /^output: NaN /],
    [{ type: "goto_table", table: 256 }, /^256 is no unsigned number of 8 bits$/],
    [{ type: "set_field", field: "reg0", value: 2 ** 32 }, /^set_field: reg0: 4294967296 /],
    [{ type: "set_field", field: "eth_src", value: 2 ** 48 }, /^set_field: eth_src: /],
    [{ type: "set_field", field: "metadata", value: 1n << 64n }, /^set_field: metadata: /],
    [{ type: "set_field", field: "ct_label", value: 1n << 128n }, /^set_field: ct_label: /],
    [{ type: "set_field", field: "ct_label", value: -1n }, /^set_field: ct_label: /],
    [{ type: "set_field", field: "bogus" as FieldName, value: 1 }, /^set_field: bogus is no match field$/],
    [{ type: "write_metadata", value: 1n << 64n }, /64 bits$/],
    [{ type: "resubmit", port: 70000 }, /^resubmit: port 70000 does not fit into 16 bits$/],
    [{ type: "conjunction", id: 1, clause: 0, clauses: 2 }, /^conjunction: -1 /],
    [{ type: "ct", zone: { field: "nsh_c1", start: 0, bits: 16 } }, /^ct: nsh_c1 cannot stand here/],
    [{ type: "ct", commit: true, exec: [{ type: "goto_table", table: 1 }] }, /^ct: goto_table is an instruction/],
    [{ type: "ct", nat: { type: "src", minPort: 5 } }, /^ct: nat: a port or an upper end needs an address$/],
    [
      {
        type: "learn",
        table: 1,
        priority: 1,
        specs: [{ type: "load", source: 16, destination: { field: "reg0", start: 0, bits: 4 } }],
      },
      /^learn: 16 has more than 4 bits$/,
    ],
    [{ type: "bogus" } as unknown as Action, /^there is no action bogus$/],
  ];
  for (const [action, message] of refused)
    it(`is refused in ${message.source.replace(/[\^$\\]/g, "")}`, () => {
      assert.throws(
        () => encode(INSTRUCTIONS, [action]),
        (error) => error instanceof EncodeError && message.test(error.message),
      );
    });

  it("is refused in a match", () => {
    assert.throws(() => encode(MATCH, [{ field: "tcp_dst", value: 65536 }]), {
      name: "EncodeError",
      message: "tcp_dst: 65536 is no unsigned number of 16 bits",
    });
  });
});

describe("flows and what their bytes say", () => {
  it("are equal in both directions, so that nothing is lost on the way", () => {
    fc.assert(
      fc.property(anyFlow, ({ match, actions }) => {
        assert.deepEqual(decodeMatch(new Reader(encode(MATCH, match))), match);
        assert.deepEqual(decodeInstructions(new Reader(encode(INSTRUCTIONS, actions))), actions);
      }),
      { numRuns: 500 },
    );
  });
});
