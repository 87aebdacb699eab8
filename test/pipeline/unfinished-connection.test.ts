import assert from "node:assert/strict";
import { parseIp } from "#base/address.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import { unfinishedConnection } from "#pipeline/denials/unfinished-connection.ts";
import { matchRegister, STATE } from "#pipeline/features/vocabulary.ts";
import { CT_MARK, ZONE } from "#pipeline/layout/conntrack.ts";

const { new: isNew, trk, dnat, rpl } = STATE;
const V4 = { eth_type: 0x800, ct_nw_src: parseIp("10.10.1.5")!, ct_nw_dst: parseIp("10.96.0.10")! };
const PORTS = { ct_nw_proto: 6, ct_tp_src: 40_000, ct_tp_dst: 80 };
const DENIED: MatchSpec = { ...matchRegister("deniedDirection", 1), ct_state: isNew | trk | dnat };

describe("a denied packet's connection", () => {
  it("is one that a service began, by the addresses and ports that its client uses", () => {
    const tuple = { zone: ZONE, protocol: 6, sourcePort: 40_000, destinationPort: 80 };
    assert.deepEqual(unfinishedConnection(match({ ...DENIED, ...V4, ...PORTS })), {
      ...tuple,
      ...{ source: parseIp("10.10.1.5"), destination: parseIp("10.96.0.10") },
    });
    const [source, destination] = [parseIp("fd10::5")!, parseIp("fd96::a")!];
    const v6 = { eth_type: 0x86dd, ct_ipv6_src: source, ct_ipv6_dst: destination };
    assert.deepEqual(unfinishedConnection(match({ ...DENIED, ...v6, ...PORTS })), { ...tuple, source, destination });
  });

  it("is not conntrack's where no service began it, where it is an answer, or has been let through once", () => {
    for (const other of [
      { ct_state: isNew | trk },
      { ct_state: trk | dnat | rpl },
      { ct_mark: CT_MARK.known },
      { ...matchRegister("deniedDirection", 0) },
    ] satisfies MatchSpec[])
      assert.equal(unfinishedConnection(match({ ...DENIED, ...V4, ...PORTS, ...other })), undefined);
    assert.equal(unfinishedConnection(match(DENIED)), undefined);
  });
});
