import assert from "node:assert/strict";
import { flowKey, sameFlow } from "#openflow/flow.ts";
import { match, matchKey } from "#openflow/match.ts";
import { formatMatch, parseMatch } from "#openflow/text/index.ts";

describe("a match", () => {
  it("is the same in any order", () => {
    assert.deepEqual(match({ reg0: 1, eth_type: 0x800, in_port: 3 }), match({ in_port: 3, eth_type: 0x800, reg0: 1 }));
  });

  it("leaves out what lets everything through, and a mask that leaves nothing open", () => {
    assert.deepEqual(match({ reg0: [5, 0], reg1: [5, 0xffff_ffff] }), [{ field: "reg1", value: 5 }]);
    assert.deepEqual(match({ vlan_vid: [0x1005, 0x1fff], ct_state: [0x21, 0xff] }), [
      { field: "vlan_vid", value: 0x1005 },
      { field: "ct_state", value: 0x21 },
    ]);
  });

  it("has no bits outside its mask", () => {
    assert.deepEqual(match({ ip_dst: [0x0a01_0203, 0xff00_0000] }), [
      { field: "ip_dst", value: 0x0a00_0000, mask: 0xff00_0000 },
    ]);
  });

  it("takes wide registers apart, as the switch does", () => {
    assert.deepEqual(match({ xreg1: [0x0000_0005_0000_0000n, 0x0000_000f_0000_0000n] }), [
      { field: "reg2", value: 5, mask: 15 },
    ]);
    assert.deepEqual(match({ xxreg1: 0x77n }), match({ reg4: 0, reg5: 0, reg6: 0, reg7: 0x77 }));
    assert.throws(() => match({ xreg0: 5n, reg1: 6 }), /reg1 is matched twice/);
  });

  it("takes other names of the same bits apart", () => {
    assert.deepEqual(match({ vlan_tci: 0x7005 }), match({ vlan_vid: 0x1005, vlan_pcp: 3 }));
    assert.deepEqual(match({ vlan_tci: [0x1000, 0x1000] }), match({ vlan_vid: [0x1000, 0x1000] }));
    assert.deepEqual(match({ vlan_tci: 0 }), match({ vlan_vid: 0 }));
    assert.deepEqual(match({ vlan_tci: [0x2000, 0x2000] })[0]?.field, "vlan_tci");
    assert.deepEqual(match({ nw_tos: 0xfc }), match({ ip_dscp: 63 }));
    assert.deepEqual(match({ in_port_oxm: 3 }), match({ in_port: 3 }));
    assert.deepEqual(match({ packet_type: 0, eth_type: 0x800 }), match({ eth_type: 0x800 }));
  });

  it("refuses what no field can hold, and says which", () => {
    assert.throws(() => match({ tcp_dst: 65536 }), {
      name: "RangeError",
      message: "tcp_dst: 65536 is not within 0..65535",
    });
    assert.throws(() => match({ reg0: -1 }), /reg0: -1 is not within/);
    assert.throws(() => match({ reg0: 0.5 }), /reg0: 0.5 is no whole number/);
    assert.throws(() => match({ nw_proto: [6, 6] }), /nw_proto takes no mask/);
  });

  it("has a key that tells it from any other", () => {
    const keys = [
      "ip,nw_dst=10.0.0.0/8",
      "ip,nw_dst=10.0.0.0/9",
      "ip,nw_src=10.0.0.0/8",
      "ip",
      "reg0=1",
      "reg1=1",
      "reg0=1/1",
    ];
    assert.equal(new Set(keys.map((text) => matchKey(parseMatch(text)))).size, keys.length);
    assert.equal(matchKey(match({ xreg0: 0x1_0000_0002n })), matchKey(match({ reg1: 2, reg0: 1 })));
  });

  it("shows a VLAN tag by its parts where they are whole", () => {
    assert.equal(formatMatch(match({ vlan_vid: 0x1005 })), "dl_vlan=5");
    assert.equal(formatMatch(match({ vlan_vid: [0x1000, 0x1000], vlan_pcp: 3 })), "dl_vlan_pcp=3");
    assert.equal(formatMatch(match({ vlan_vid: [0x1000, 0x1000] })), "vlan_tci=0x1000/0x1000");
    assert.equal(formatMatch(match({ vlan_vid: 0 })), "vlan_tci=0x0000/0x1fff");
  });
});

describe("two flows", () => {
  const flow = { table: 1, priority: 5, cookie: 1n, match: match({ reg0: 1 }), actions: [{ type: "exit" as const }] };

  it("are one where table, priority and match are the same", () => {
    assert.equal(flowKey(flow), flowKey({ ...flow, match: match({ xreg0: [1n << 32n, 0xffff_ffffn << 32n] }) }));
    for (const other of [
      { ...flow, table: 2 },
      { ...flow, priority: 6 },
      { ...flow, match: match({ reg0: 2 }) },
    ])
      assert.notEqual(flowKey(flow), flowKey(other));
  });

  it("do the same where everything else is equal, said or not", () => {
    assert.ok(sameFlow(flow, { ...flow, idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 }));
    for (const other of [
      { ...flow, cookie: 2n },
      { ...flow, actions: [] },
      { ...flow, flags: 1 },
      { ...flow, importance: 3 },
    ])
      assert.ok(!sameFlow(flow, other));
  });
});
