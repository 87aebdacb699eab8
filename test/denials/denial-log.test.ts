import assert from "node:assert/strict";
import type { Mac } from "#base/address.ts";
import { parseIp } from "#base/address.ts";
import { silentLog } from "#base/log.ts";
import { createDenialLog } from "#controller/node/denials/denial-log.ts";
import { match } from "#openflow/match.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { ground } from "#test/pipeline/policy-clusters.ts";
import { batch, SETTINGS } from "#test/pipeline/samples.ts";
import { ETHER, ethernet, ip, udp } from "#test/support/frames.ts";

const MAC = 0x0a5800000001 as Mac;
const [SOURCE, DESTINATION] = [parseIp("10.10.1.2")!, parseIp("10.10.1.4")!];
/** ingress, isolation, to the port of b/web. */
const METADATA = match({ reg0: 0xc0, reg1: 12 });

function packet(destinationPort: number) {
  const payload = udp(4000, destinationPort, "");
  const data = ethernet(MAC, MAC, ETHER.ipv4, ip({ source: SOURCE, destination: DESTINATION, protocol: 17, payload }));
  return { metadata: METADATA, data };
}

function setUp() {
  const pipeline = createPipeline(SETTINGS, ["test"]);
  const policy = { metadata: { uid: "p" }, spec: { podSelector: {} } };
  const web = { metadata: {}, spec: { nodeName: "n1" }, status: {} };
  pipeline.step(
    batch(
      ...ground(),
      { kind: "Pod", key: "b/web", object: web },
      { kind: "NetworkPolicy", key: "b/p", object: policy },
    ),
  );
  return { pipeline, log: createDenialLog({ view: pipeline.view, log: silentLog, now: () => new Date(0) }) };
}

describe("the log of denials", () => {
  it("keeps the last thousand, and counts all by policy and direction while the policy is there", () => {
    const { pipeline, log } = setUp();
    for (let port = 1; port <= 1200; port++) log.take(packet(port));
    const ports = [...log.recent()].map(({ destinationPort }) => destinationPort);
    assert.deepEqual([ports.length, ports[0], ports.at(-1)], [1000, 201, 1200]);
    assert.equal(log.told, 1200);
    assert.deepEqual([...log.counts()], [{ policy: "b/p", direction: "ingress", count: 1200 }]);
    pipeline.step(batch({ kind: "NetworkPolicy", key: "b/p", object: undefined }));
    assert.deepEqual([...log.counts()], []);
  });

  it("counts what it cannot name, and remembers nothing of it", () => {
    const { log } = setUp();
    log.take({ metadata: METADATA, data: new Uint8Array(4) });
    assert.deepEqual([log.told, [...log.recent()]], [1, []]);
  });

  it("gives those who follow what comes from then on, until their signal does", async () => {
    const { log } = setUp();
    log.take(packet(1));
    const end = new AbortController();
    const followed = log.follow(end.signal)[Symbol.asyncIterator]();
    const next = followed.next();
    log.take(packet(2));
    assert.equal((await next).value?.destinationPort, 2);
    const last = followed.next();
    end.abort();
    assert.deepEqual(await last, { value: undefined, done: true });
  });

  it("has a reader that does not read miss what is beyond a thousand", async () => {
    const { log } = setUp();
    const end = new AbortController();
    const followed = log.follow(end.signal);
    for (let port = 1; port <= 1500; port++) log.take(packet(port));
    let count = 0;
    for await (const { destinationPort } of followed) {
      count++;
      if (destinationPort === 1000) end.abort();
    }
    assert.equal(count, 1000);
  });
});
