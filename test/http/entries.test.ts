import assert from "node:assert/strict";
import { flowEntries } from "#controller/node/http/flow-entries.ts";
import { groupEntries } from "#controller/node/http/group-entries.ts";
import { type Flow, flowKey, type Group } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import type { DesiredFlow, DesiredGroup } from "#pipeline/switch-state.ts";

const SERVICE = { kind: "Service", name: "shop/db" } as const;
const REASONS = { site: "services/balance", owners: [SERVICE] } as const;

function flow(table: number, cookie = 1n): Flow {
  return { table, priority: 1, match: match({ eth_type: 0x800 }), actions: [], cookie };
}

function group(groupId: number): Group {
  return { groupId, type: "select", buckets: [{ id: 1, weight: 1, actions: [{ type: "output", port: 1 }] }] };
}

describe("what the switch holds and should hold", () => {
  it("is flows with their owners: wanted ones, learned ones, foreign ones, and those on their way", () => {
    const wanted = [flow(1), flow(2), flow(3)].map((one): [string, DesiredFlow] => [
      flowKey(one),
      { flow: one, ...REASONS },
    ]);
    const tables = {
      installed: [flow(1), flow(4, 2n), flow(5, 3n)],
      desired: new Map(wanted),
      statusOf: (key: string) =>
        key.startsWith("2,") ? ({ state: "failed", why: "full" } as const) : ({ state: "pending" } as const),
      learnedFor: ({ cookie }: Flow) => (cookie === 2n ? [SERVICE] : undefined),
    };
    const statuses = (filter = {}) => [...flowEntries(tables, filter)].map(({ status, reason }) => reason ?? status);
    assert.deepEqual(statuses(), ["installed", "learned", "foreign", "full", "pending"]);
    assert.deepEqual(statuses({ owner: "service/shop/db" }), ["installed", "learned", "full", "pending"]);
    assert.deepEqual(statuses({ owner: "service/shop/web" }), []);
    assert.deepEqual(statuses({ table: 4 }), ["learned"]);
  });

  it("is groups with their owners and what each bucket got, and those that are not there", () => {
    const tables = {
      installed: [group(1), group(9)],
      bucketPackets: new Map([[1, [7]]]),
      desired: new Map([1, 2].map((id): [number, DesiredGroup] => [id, { group: group(id), ...REASONS }])),
      statusOf: () => ({ state: "failed", why: "full" }) as const,
    };
    const entries = [...groupEntries(tables, {})];
    assert.deepEqual(
      entries.map(({ status, bucketPackets, owners, reason }) => [status, bucketPackets, owners, reason]),
      [
        ["installed", [7], ["service shop/db"], undefined],
        ["foreign", undefined, [], undefined],
        ["failed", undefined, ["service shop/db"], "full"],
      ],
    );
    assert.match(entries[0]!.group, /^group_id=1,type=select,bucket=bucket_id:1,.*actions=output:1$/);
    assert.deepEqual([...groupEntries(tables, { owner: "service/shop/db" })].length, 2);
    assert.deepEqual([...groupEntries(tables, { owner: "pod/shop/db" })], []);
  });
});
