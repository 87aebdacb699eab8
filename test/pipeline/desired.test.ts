import assert from "node:assert/strict";
import type { Action } from "#openflow/actions.ts";
import { flowKey } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import { createDesired } from "#pipeline/desired.ts";
import type { Revision } from "#pipeline/engine.ts";
import type { Contribution } from "#pipeline/feature.ts";
import { formatOwner } from "#pipeline/owner.ts";

const DROP: readonly Action[] = [];
const SEND: readonly Action[] = [{ type: "output", port: 7 }];
const identity = { table: 70, priority: 400, match: match({ eth_type: 0x800, ip_dst: 0x0a0a0105 }) };
const KEY = flowKey(identity);

function flowOf(pod: string, actions: readonly Action[]): Contribution {
  const owner = { kind: "Pod", name: `default/${pod}`, part: `interface ${pod}0` };
  return { target: "flow", flow: { ...identity, actions }, site: "pods/deliver", owners: [owner] };
}

function arrives(pod: string, ...after: readonly Contribution[]): Revision {
  return { contributor: `pods/${pod}`, before: [], after };
}

function leaves(pod: string, ...before: readonly Contribution[]): Revision {
  return { contributor: `pods/${pod}`, before, after: [] };
}

describe("the desired state", () => {
  it("holds one flow for all that want the same, with all its owners, until the last of them goes", () => {
    const desired = createDesired();
    assert.deepEqual([...desired.apply([arrives("b", flowOf("b", SEND))]).flows.added.keys()], [KEY]);
    const alone = desired.flows.get(KEY)!.flow.cookie;
    desired.apply([arrives("a", flowOf("a", SEND))]);
    const shared = desired.flows.get(KEY)!;
    assert.deepEqual(shared.owners.map(formatOwner), ["pod default/a, interface a0", "pod default/b, interface b0"]);
    assert.notEqual(shared.flow.cookie, alone, "the cookie of a shared flow names none of its owners");
    assert.deepEqual(desired.conflicts(), []);

    desired.apply([leaves("a", flowOf("a", SEND))]);
    assert.equal(desired.flows.get(KEY)!.flow.cookie, alone);
    const { flows } = desired.apply([leaves("b", flowOf("b", SEND))]);
    assert.deepEqual([...flows.removed.keys()], [KEY]);
    assert.equal(desired.flows.size, 0);
  });

  it("says nothing of a flow whose owners alone are others", () => {
    const desired = createDesired();
    desired.apply([arrives("a", flowOf("a", SEND)), arrives("b", flowOf("b", SEND))]);
    const { flows } = desired.apply([arrives("c", flowOf("c", SEND))]);
    assert.deepEqual([flows.added.size, flows.changed.size, flows.removed.size], [0, 0, 0]);
    assert.equal(desired.flows.get(KEY)!.owners.length, 3);
  });

  it("gives a flow that several want otherwise to the first by name, and tells each of the others", () => {
    const desired = createDesired();
    desired.apply([arrives("b", flowOf("b", SEND)), arrives("c", flowOf("c", DROP)), arrives("d", flowOf("d", DROP))]);
    assert.deepEqual(desired.flows.get(KEY)!.flow.actions, SEND);
    assert.deepEqual(desired.conflicts(), [
      ...["c", "d"].map((pod) => ({
        source: "pipeline",
        object: `Pod default/${pod}`,
        field: `interface ${pod}0`,
        message: "claims ip,nw_dst=10.10.1.5, but pod default/b, interface b0 has it; one of the two has to go",
      })),
    ]);

    const { flows } = desired.apply([leaves("b", flowOf("b", SEND))]);
    assert.deepEqual(
      flows.changed.get(KEY)!.map(({ flow }) => flow.actions),
      [SEND, DROP],
    );
    assert.deepEqual(desired.conflicts(), []);
    desired.apply([leaves("c", flowOf("c", DROP)), leaves("d", flowOf("d", DROP))]);
    assert.equal(desired.flows.size, 0);
  });

  it("keeps several problems of one field apart", () => {
    const desired = createDesired();
    const owner = { kind: "Node", name: "n2" };
    const problem = (message: string): Contribution => ({
      target: "problem",
      owner,
      problem: { source: "nodes", object: "Node n2", field: "spec.podCIDRs", message },
    });
    const before = [problem("first"), problem("second")];
    desired.apply([{ contributor: "nodes/n2", before: [], after: before }]);
    assert.equal(desired.problems.size, 2);
    desired.apply([{ contributor: "nodes/n2", before, after: [problem("second")] }]);
    assert.deepEqual(
      [...desired.problems.values()].map(({ message }) => message),
      ["second"],
    );
  });

  it("tells of the host only when it should be otherwise", () => {
    const desired = createDesired();
    const owner = { kind: "Node", name: "n2" };
    const address: Contribution = { target: "host", owner, item: { type: "node-address", address: "172.18.0.2" } };
    const cidr: Contribution = { target: "host", owner, item: { type: "pod-cidr", cidr: "10.0.0.0/24", local: false } };
    assert.equal(desired.apply([{ contributor: "nodes/n2", before: [], after: [address] }]).hostChanged, true);
    assert.equal(desired.apply([{ contributor: "nodes/n3", before: [], after: [address] }]).hostChanged, false);
    assert.equal(desired.apply([{ contributor: "nodes/n2", before: [address], after: [] }]).hostChanged, false);
    assert.equal(desired.apply([{ contributor: "nodes/n3", before: [address], after: [cidr] }]).hostChanged, true);
    assert.deepEqual(desired.host().nodeAddresses, []);
    assert.deepEqual(desired.host().podCidrs, ["10.0.0.0/24"]);
  });
});
