import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { createFramer } from "#ovsdb/framing.ts";
import { parseJson } from "#ovsdb/json-text.ts";
import type { JsonObject } from "#ovsdb/notation.ts";

const MESSAGES: JsonObject[] = [
  { method: "echo", params: [], id: "echo" },
  { result: [{ "}{": '\\"}', ü: "日本\u{1f600}", nested: { a: [{}, [], "]"] } }], error: null, id: 1 },
  {},
  { text: "ends with a backslash \\", id: null },
];
const STREAM = Buffer.from(MESSAGES.map((message) => JSON.stringify(message)).join("\n \t\r"));

/** Of what is still reachable. */
function memoryInUse(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function feed(chunks: readonly Buffer[]): JsonObject[] {
  const framer = createFramer();
  return chunks.flatMap((chunk) => framer.push(chunk));
}

describe("the framing of JSON-RPC messages", () => {
  it("finds the messages wherever the stream is split in two", () => {
    for (let at = 0; at <= STREAM.length; at++) {
      assert.deepEqual(feed([STREAM.subarray(0, at), STREAM.subarray(at)]), MESSAGES);
    }
  });

  it("finds the messages when every byte comes alone, inside characters too", () => {
    assert.deepEqual(feed(Array.from(STREAM, (byte) => Buffer.of(byte))), MESSAGES);
  });

  it("finds any messages under any split", () => {
    const object = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(object), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (objects, sizes) => {
        const texts = objects.map((message) => JSON.stringify(message));
        const bytes = Buffer.from(texts.join(""));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!) {
          chunks.push(bytes.subarray(at, at + sizes[i % sizes.length]!));
        }
        assert.deepEqual(feed(chunks), texts.map(parseJson));
      }),
    );
  });

  it("refuses garbage between messages, bad JSON, bad UTF-8 and endless messages", () => {
    const cases: Buffer[] = [
      Buffer.from("HTTP/1.1 400 Bad Request"),
      Buffer.from("[]"),
      Buffer.from("{]}"),
      Buffer.from('{"a":}'),
      Buffer.from("{} x"),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      Buffer.from('{"a":[}'),
      Buffer.from('{"a":"[{","b":]'),
      Buffer.from(`{"a":${"[".repeat(1000)}`),
      Buffer.from('{"a":'.repeat(1001)),
    ];
    for (const bytes of cases) assert.throws(() => feed([bytes]), { code: "E_OVSDB_PROTOCOL" });
    const small = createFramer(10);
    assert.throws(() => small.push(Buffer.from('{"a":"0123456789')), { code: "E_OVSDB_PROTOCOL" });
  });

  it("takes what nests as deep as ovsdb-server itself allows", () => {
    const text = `{"a":${"[".repeat(999)}${"]".repeat(999)}}`;
    assert.deepEqual(feed([Buffer.from(text)]), [parseJson(text)]);
  });

  it("refuses what is short and would fill the memory: nothing but brackets, or an object of very many keys", () => {
    const limit = 100_000_000;
    const brackets = createFramer(limit);
    brackets.push(Buffer.from('{"a":['));
    const million = Buffer.from("{},".repeat(1_000_000));
    assert.throws(() => {
      for (let i = 0; i < 7; i++) brackets.push(million);
    }, /brackets and colons/);
    const keys = createFramer(4 * limit);
    const moreKeys = Buffer.from('"":1,'.repeat(1_000_000));
    keys.push(Buffer.from("{"));
    assert.throws(() => {
      for (let i = 0; i < 9; i++) keys.push(moreKeys);
    }, /more than 8000000 keys/);
  });

  it("holds an unfinished message in little more than its bytes, even if each comes alone", () => {
    const framer = createFramer();
    const before = memoryInUse();
    framer.push(Buffer.from('{"a":"'));
    for (let i = 0; i < 1_000_000; i++) framer.push(Buffer.of(0x78));
    const grown = memoryInUse() - before;
    assert.ok(grown < 5_000_000, `a million bytes are held in ${grown}`);
    assert.equal(String(framer.push(Buffer.from('"}'))[0]!["a"]).length, 1_000_000);
  });

  it("throws nothing but its own error on random bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (chunks) => {
        try {
          feed(chunks.map((chunk) => Buffer.from(chunk)));
        } catch (error) {
          assert.equal(error instanceof Error && "code" in error ? error.code : error, "E_OVSDB_PROTOCOL");
        }
      }),
    );
  });
});
