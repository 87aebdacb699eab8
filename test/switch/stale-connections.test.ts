import assert from "node:assert/strict";
import { mock } from "node:test";
import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { silentLog } from "#base/log.ts";
import { StaleConnections } from "#controller/node/switch/stale-connections.ts";
import type { Translation } from "#controller/node/switch/translations.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Message } from "#openflow/messages/message.ts";

function translation(to: string): Translation {
  const place = { zone: 5, protocol: 17, ip: parseIp("10.96.0.10")!, port: 53 };
  return { ...place, to: { ip: parseIp(to)!, port: 5353 } };
}

describe("connections that have become stale", () => {
  let stale: StaleConnections;
  let asked: Set<string>;
  let isBroken: boolean;
  // What a connection to a switch that is gone does.
  const connection = {
    async sendAll(messages: readonly Message[]) {
      if (isBroken) throw new Error("the connection is gone");
      for (const message of messages) {
        assert.ok(message.type === "nxt_ct_flush");
        const source = message.properties.reply?.source ?? 0n;
        asked.add(formatIp(Number(source & 0xffff_ffffn) as Ip));
      }
      return [];
    },
  } as unknown as OpenFlowConnection;

  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    stale = new StaleConnections(silentLog);
    asked = new Set();
    isBroken = false;
  });
  afterEach(() => {
    stale.stop();
    mock.timers.reset();
  });

  /** What was asked for since the last time. */
  async function heard(): Promise<readonly string[]> {
    await new Promise(setImmediate);
    const all = [...asked].sort();
    asked.clear();
    return all;
  }

  it("are forgotten at once, and once more when the switch's cache follows", async () => {
    await stale.follow(connection, [translation("10.0.0.1")], []);
    assert.deepEqual(await heard(), ["10.0.0.1"]);
    mock.timers.tick(1000);
    assert.deepEqual(await heard(), ["10.0.0.1"]);
    mock.timers.tick(10_000);
    await stale.follow(connection, [], []);
    assert.deepEqual(await heard(), []);
  });

  it("are none any more when they lead there again", async () => {
    await stale.follow(connection, [translation("10.0.0.1"), translation("10.0.0.2")], []);
    await heard();
    await stale.follow(connection, [], [translation("10.0.0.1"), translation("10.0.0.3")]);
    mock.timers.tick(1000);
    assert.deepEqual(await heard(), ["10.0.0.2"]);
  });

  it("are forgotten when there is a connection again, whichever time it was gone", async () => {
    isBroken = true;
    await stale.follow(connection, [translation("10.0.0.1")], []);
    isBroken = false;
    await stale.follow(connection, [], []);
    assert.deepEqual(await heard(), ["10.0.0.1"]);
    isBroken = true;
    mock.timers.tick(1000);
    assert.deepEqual(await heard(), []);
    isBroken = false;
    await stale.follow(connection, [translation("10.0.0.2")], []);
    assert.deepEqual(await heard(), ["10.0.0.1", "10.0.0.2"]);
  });
});
