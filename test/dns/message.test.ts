import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "#base/address.ts";
import { type DnsAnswer, readAnswer } from "#controller/node/dns/message.ts";
import { addressesTold } from "#controller/node/dns/told.ts";
import {
  ANSWER,
  address,
  alias,
  type DnsMessage,
  encodeMessage,
  encodeName,
  encodeRecord,
  https,
  QUERY,
  TYPE,
} from "#test/support/dns-messages.ts";

/** "example.com 192.0.2.1 300": what a message tells. */
function told(message: DnsMessage): readonly string[] | string {
  return tellings(readAnswer(encodeMessage(message)));
}

function tellings(answer: DnsAnswer | "no answer" | undefined): readonly string[] | string {
  if (typeof answer !== "object") return answer ?? "malformed";
  return addressesTold(answer).map(({ name, ip, ttl }) => `${name} ${formatIp(ip)} ${ttl}`);
}

const SIMPLE = { question: "example.com", records: [address("example.com", "192.0.2.1")] };

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
const ttl = fc.nat(0x7fff_ffff);
const record = fc.oneof(
  fc.tuple(name, fc.ipV4(), ttl).map(([owner, ip, life]) => address(owner, ip, life)),
  fc
    .tuple(
      name,
      fc.ipV6().filter((ip) => !ip.includes(".")),
      ttl,
    )
    .map(([owner, ip, life]) => address(owner, ip, life)),
  fc.tuple(name, name, ttl).map(([owner, target, life]) => alias(owner, target, life)),
  fc.tuple(name, fc.array(fc.ipV4(), { maxLength: 3 }), ttl).map(([owner, ips, life]) => https(owner, ips, life)),
  fc
    .tuple(name, fc.uint8Array({ maxLength: 20 }), ttl)
    .map(([owner, data, life]) => ({ name: owner, type: TYPE.TXT, ttl: life, data })),
);
const message = fc.record({ question: name, records: fc.array(record, { maxLength: 6 }) });

describe("an answer of a name server, read", () => {
  it("tells the addresses of the name that was asked for, of either family, whatever the case", () => {
    assert.deepEqual(told(SIMPLE), ["example.com 192.0.2.1 300"]);
    const both = [address("EXAMPLE.com", "192.0.2.1", 60), address("example.COM", "2001:db8::1", 0)];
    assert.deepEqual(told({ question: "Example.Com", records: both }), [
      "example.com 192.0.2.1 60",
      "example.com 2001:db8::1 0",
    ]);
    assert.deepEqual(
      told({ question: "example.com", records: [https("example.com", ["192.0.2.7", "2001:db8::7"], 9)] }),
      ["example.com 192.0.2.7 9", "example.com 2001:db8::7 9"],
    );
  });

  it("tells them of every name on the way, for the least of the times on it", () => {
    const records = [
      alias("www.example.com", "cdn.example.net", 100),
      alias("cdn.example.net", "edge.example.org", 500),
      address("edge.example.org", "192.0.2.1", 300),
    ];
    const expected = [
      "edge.example.org 192.0.2.1 300",
      "cdn.example.net 192.0.2.1 300",
      "www.example.com 192.0.2.1 100",
    ];
    assert.deepEqual(told({ question: "www.example.com", records }), expected);
    assert.deepEqual(told({ question: "www.example.com", records: records.toReversed() }), expected);
    assert.deepEqual(told({ question: "cdn.example.net", records }), expected.slice(0, 2));
  });

  it("tells nothing of names that nobody asked for, and nothing that leads nowhere", () => {
    const records = [address("other.com", "192.0.2.1"), address("a.example.com", "192.0.2.2")];
    assert.deepEqual(told({ question: "example.com", records }), []);
    assert.deepEqual(told({ question: "example.com", additional: [address("example.com", "192.0.2.1")] }), []);
    const round = [alias("a.com", "b.com"), alias("b.com", "a.com"), address("b.com", "192.0.2.1")];
    assert.deepEqual(told({ question: "a.com", records: round }), ["b.com 192.0.2.1 300", "a.com 192.0.2.1 300"]);
    const nowhere = ["127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255"];
    for (const ip of [...nowhere, "::", "::1", "fe80::1", "ff02::1", "::ffff:c000:201"])
      assert.deepEqual(told({ question: "a.com", records: [address("a.com", ip)] }), [], ip);
  });

  it("is none where a question, an error, or another operation is told", () => {
    for (const flags of [QUERY, ANSWER | 2, ANSWER | 3, ANSWER | 0x2800])
      assert.equal(told({ ...SIMPLE, flags }), "no answer");
    const none = encodeMessage(SIMPLE);
    none.writeUInt16BE(0, 4);
    assert.equal(readAnswer(none), "no answer");
  });

  it("takes a time with the highest bit for none", () => {
    const records = [address("a.com", "192.0.2.1", 0x8000_0000)];
    assert.deepEqual(told({ question: "a.com", records }), ["a.com 192.0.2.1 0"]);
  });

  it("follows names that are continued before themselves, and no others", () => {
    const head = encodeMessage({ question: "example.com", records: [] });
    head.writeUInt16BE(1, 6);
    const { data } = address("", "192.0.2.1");
    const record = (owner: Uint8Array) =>
      Buffer.concat([head, owner, encodeRecord({ name: "", type: 1, ttl: 5, data }).subarray(1)]);
    const at = head.length;
    const whole = Buffer.of(0xc0, 12);
    const part = Buffer.concat([Buffer.of(1, 0x61), whole]);
    assert.deepEqual(tellings(readAnswer(record(whole))), ["example.com 192.0.2.1 5"]);
    assert.equal((readAnswer(record(part)) as DnsAnswer).records[0]?.owner, "a.example.com");
    for (const owner of [
      Buffer.of(0xc0, at),
      Buffer.of(0xc0, at + 2),
      Buffer.of(1, 0x61, 0xc0, at),
      Buffer.of(0x80, 0),
    ])
      assert.equal(readAnswer(record(owner)), undefined);
    const dotted = readAnswer(record(Buffer.of(3, 0x61, 0x2e, 0x62, 0))) as DnsAnswer;
    assert.equal(dotted.records[0]?.owner, "a\\.b");
    const long = Buffer.concat([
      ...Array.from({ length: 4 }, () => encodeName("a".repeat(63)).subarray(0, 64)),
      Buffer.of(0),
    ]);
    assert.equal(readAnswer(record(long)), undefined);
  });

  it("has what was written in it", () => {
    fc.assert(
      fc.property(message, (one) => {
        const answer = readAnswer(encodeMessage(one)) as DnsAnswer;
        assert.equal(answer.question, one.question);
        const owners = one.records
          .filter(({ type }) => type !== TYPE.TXT && type !== TYPE.HTTPS)
          .map(({ name: own }) => own);
        const read = new Set(answer.records.map(({ owner }) => owner));
        for (const owner of owners) assert.ok(read.has(owner));
      }),
    );
  });

  it("is malformed when it ends too soon; of a fragment the records count that are whole", () => {
    fc.assert(
      fc.property(message, (one) => {
        const bytes = encodeMessage(one);
        const all = (readAnswer(bytes) as DnsAnswer).records;
        const head = encodeMessage({ ...one, records: [] }).length;
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(readAnswer(bytes.subarray(0, length)), undefined);
          const part = readAnswer(bytes.subarray(0, length), true);
          if (length < head) assert.equal(part, undefined);
          else assert.deepEqual((part as DnsAnswer).records, all.slice(0, (part as DnsAnswer).records.length));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("throws at nothing and ends, whatever the bytes are", () => {
    const bytes = fc.uint8Array({ maxLength: 600, size: "max" });
    const bent = fc
      .tuple(message, fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 8 }))
      .map(([one, changes]) => {
        const whole = encodeMessage(one);
        for (const [at, value] of changes) if (at < whole.length) whole[at] = value;
        return whole;
      });
    fc.assert(
      fc.property(fc.oneof(bytes, bent), fc.boolean(), (one, isPart) => {
        const answer = readAnswer(one, isPart);
        if (typeof answer === "object") addressesTold(answer);
      }),
      { numRuns: 2000 },
    );
  });
});
