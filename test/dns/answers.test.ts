import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { formatIp, type Ip, type Mac, parseIp } from "#base/address.ts";
import { createAnswers, type PausedPacket } from "#controller/node/dns/answers.ts";
import type { Journal } from "#controller/node/dns/journal.ts";
import { createLearner } from "#controller/node/dns/learner.ts";
import { createNameTable } from "#controller/node/dns/name-table.ts";
import { createSecondLook } from "#controller/node/dns/second-look.ts";
import { match } from "#openflow/match.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { TOLD } from "#pipeline/layout/told.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { addressesOf, ground } from "#test/pipeline/policy-clusters.ts";
import { batch, SETTINGS } from "#test/pipeline/samples.ts";
import { address, type DnsMessage, encodeMessage } from "#test/support/dns-messages.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";

const MAC = 0x0a5800000001 as Mac;
const SERVER = parseIp("192.0.2.53")!;
const POD = parseIp(addressesOf("a/web")[0]!)!;

function packet(payload: Buffer): PausedPacket {
  const datagram = udp(53, 4000, payload.toString("latin1"));
  const body = ip({
    source: SERVER,
    destination: POD,
    protocol: 17,
    payload: Buffer.concat([datagram.subarray(0, 8), payload]),
  });
  return { type: "nxt_packet_in2", properties: { data: ethernet(MAC, MAC, ETHER.ipv4, body) } };
}

const answer = (question: string, ...ips: readonly string[]): DnsMessage => ({
  question,
  records: ips.map((one) => address(question, one, 10)),
});

/** Policies that speak of names, and a switch that has written what it is told to when the test says so. */
function setUp() {
  const pipeline = createPipeline(SETTINGS, ["test", "names"]);
  const to = [{ domainNames: ["example.com", "*.example.net"] }];
  const spec = { tier: "Admin", priority: 1, subject: { namespaces: {} }, egress: [{ action: "Accept", to }] };
  const web = { metadata: {}, spec: { nodeName: "n1" }, status: { podIPs: [{ ip: formatIp(POD) }] } };
  const objects = [
    { kind: "Pod", key: "a/web", object: web },
    { kind: "ClusterNetworkPolicy", key: "p", object: { spec } },
  ] as const;
  pipeline.step({ source: "test", synced: true, changes: [...ground(), ...objects] });
  const table = createNameTable();
  const saved: string[] = [];
  const journal: Journal = {
    recall: async () => [],
    write: async (entries) => void saved.push(...entries.map(({ name, ip: one }) => `${name} ${formatIp(one)}`)),
    close: async () => {},
  };
  let now = 1_000_000;
  const learner = createLearner({ table, journal, view: pipeline.view, minimumTtl: 20, now: () => now });
  const steps = learner.batches$.subscribe((one) => void pipeline.step(one));
  const writing: { addresses: readonly Ip[]; written: () => void; abort: () => void }[] = [];
  const resumed: PausedPacket[] = [];
  const news: string[] = [];
  const answers = createAnswers({
    learner,
    resume: (one) => void resumed.push(one),
    whenWritten: (addresses) =>
      new Promise((written, abort) => writing.push({ addresses, written, abort: () => abort(new Error("too late")) })),
    onNews: (one) => void news.push(formatIp(one)),
  });
  const end = () => {
    learner.close();
    steps.unsubscribe();
  };
  const wait = (milliseconds: number): void => {
    now += milliseconds;
  };
  return { pipeline, table, saved, learner, answers, writing, resumed, news, end, wait };
}

describe("answers on their way to pods", () => {
  let rig: ReturnType<typeof setUp>;
  beforeEach(() => {
    rig = setUp();
  });
  afterEach(() => rig.end());

  const held = () =>
    [...rig.pipeline.view.Domain.values()].map(({ name, addresses }) => [name, ...addresses.map(formatIp)]);

  it("go on when what they tell is in the switch and saved, and not before", async () => {
    const one = packet(encodeMessage(answer("Example.COM", "203.0.113.7", "203.0.113.8")));
    rig.answers.take(one);
    assert.deepEqual(held(), [["example.com", "203.0.113.7", "203.0.113.8"]]);
    await turn();
    assert.deepEqual([rig.resumed, rig.answers.waiting], [[], 1]);
    assert.deepEqual(rig.writing[0]?.addresses.map(formatIp), ["203.0.113.7", "203.0.113.8"]);
    rig.writing[0]?.written();
    await turn();
    assert.deepEqual([rig.resumed, rig.answers.waiting], [[one], 0]);
    assert.deepEqual(rig.saved, ["example.com 203.0.113.7", "example.com 203.0.113.8"]);
    assert.deepEqual(rig.news, ["203.0.113.7", "203.0.113.8"]);
    rig.answers.take(one);
    rig.writing[1]?.written();
    await turn();
    assert.deepEqual(rig.answers.counts, { learnt: 1, known: 1, nothing: 0, malformed: 0, lost: 0 });
    assert.equal(rig.news.length, 2);
  });

  it("go on at once when no policy speaks of the name, or they are none", async () => {
    const whole = encodeMessage(answer("example.com", "203.0.113.7"));
    const bytes = [
      encodeMessage(answer("example.net", "203.0.113.7")),
      encodeMessage({ ...answer("example.com", "203.0.113.7"), flags: 0x0100 }),
      encodeMessage({ question: "example.com" }),
      whole.subarray(0, -1),
      Buffer.alloc(0),
    ];
    for (const one of bytes) rig.answers.take(packet(one));
    rig.answers.take({ type: "nxt_packet_in2", properties: {} });
    await turn();
    assert.equal(rig.resumed.length, bytes.length + 1);
    assert.deepEqual([held(), rig.writing], [[], []]);
    assert.deepEqual(rig.answers.counts, { learnt: 0, known: 0, nothing: 3, malformed: 3, lost: 0 });
  });

  it("are lost when the switch does not take what they tell in time", async () => {
    rig.answers.take(packet(encodeMessage(answer("a.example.net", "203.0.113.7"))));
    rig.writing[0]?.abort();
    await turn();
    assert.deepEqual([rig.resumed, rig.answers.counts.lost, rig.answers.waiting], [[], 1, 0]);
  });

  it("are lost while too many wait", async () => {
    for (let i = 0; i < 2001; i++) rig.answers.take(packet(encodeMessage(answer("example.com", "203.0.113.7"))));
    assert.deepEqual([rig.answers.waiting, rig.answers.counts.lost], [2000, 1]);
    for (const { written } of rig.writing) written();
    await turn();
    assert.equal(rig.resumed.length, 2000);
  });

  it("count for the least time at least, and what no policy speaks of any more is forgotten once it has lapsed", () => {
    rig.answers.take(packet(encodeMessage(answer("example.com", "203.0.113.7"))));
    assert.deepEqual(
      [...rig.table.entries()].map(({ until }) => until),
      [1_020_000],
    );
    rig.learner.forget(() => true);
    assert.equal(held().length, 1);
    rig.wait(20_000);
    rig.table.lapse(1_020_000);
    rig.learner.forget(() => false);
    assert.equal(rig.table.counts.lapsed, 1);
    rig.pipeline.step(batch({ kind: "ClusterNetworkPolicy", key: "p", object: undefined }));
    rig.learner.forget(() => false);
    assert.deepEqual([rig.table.counts.lapsed, held()], [0, []]);
  });
});

describe("a second look at what was denied", () => {
  const told = (destination: string, kind?: number, more: object = {}) => {
    const payload = udp(4000, 443, "x");
    const data = ethernet(
      MAC,
      MAC,
      ETHER.ipv4,
      ip({ source: POD, destination: parseIp(destination)!, protocol: 17, payload }),
    );
    const userdata = kind === undefined ? {} : { userdata: Uint8Array.of(kind) };
    const metadata = match({ in_port: 10, ct_state: 0x21 });
    return { type: "nxt_packet_in2", properties: { data, metadata, ...userdata, ...more } } as const;
  };

  it("is taken once, of whole packets to what a pod was told an instant ago", () => {
    const sent: MessageOf<"packet_out">[] = [];
    let now = 0;
    const look = createSecondLook(
      (message) => message.type === "packet_out" && void sent.push(message),
      () => now,
    );
    look.note(parseIp("203.0.113.7")!);
    assert.equal(look.take(told("203.0.113.8")), false);
    assert.equal(look.take(told("203.0.113.7", undefined, { fullLength: 1000 })), false);
    assert.equal(
      look.take(told("203.0.113.7", undefined, { metadata: match({ in_port: 10, ct_state: 0xa1 }) })),
      false,
    );
    assert.equal(look.take(told("203.0.113.7", TOLD.connection)), false);
    assert.equal(look.take(told("203.0.113.7", TOLD.refusal)), false);
    assert.equal(look.take({ type: "nxt_packet_in2", properties: {} }), false);
    assert.deepEqual(sent, []);
    assert.equal(look.take(told("203.0.113.7")), true);
    assert.equal(look.take(told("203.0.113.7", TOLD.refusal)), true);
    assert.deepEqual(
      sent.map(({ metadata, actions }) => [metadata, actions]),
      [
        [
          match({ in_port: 10 }),
          [
            { type: "set_field", field: "reg10", value: 1 },
            { type: "output", port: 0xfffffff9 },
          ],
        ],
      ],
    );
    // Denied again, by what the tables say now.
    assert.deepEqual([look.take(told("203.0.113.7")), look.take(told("203.0.113.7", TOLD.refusal))], [false, false]);
    now = 1001;
    look.note(parseIp("203.0.113.9")!);
    assert.equal(look.take(told("203.0.113.7")), false);
    assert.equal(look.take(told("203.0.113.9")), true);
  });
});
