import assert from "node:assert/strict";
import { timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { createGraph, type SwitchWork } from "#pipeline/graph.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import type { RawChange, SourceBatch } from "#pipeline/source.ts";
import { gone, node, port, SETTINGS } from "./samples.ts";

const self = node("n1", ["10.10.1.0/24"], ["172.18.0.1"]);
const peer = node("n2", ["10.10.2.0/24"], ["172.18.0.2"]);
const web = port("weir1", 10, ["10.10.1.5"]);

function from(source: string, synced: boolean, ...changes: readonly RawChange[]): SourceBatch {
  return { source, synced, changes };
}

/** What the marbles stand for: capitals come from the API, small letters from the switch's ports. */
const batches: Readonly<Record<string, SourceBatch>> = {
  N: from("api", false, self),
  S: from("api", true),
  P: from("api", true, peer),
  Q: from("api", true, gone(peer)),
  M: from("api", true, node("n2", ["10.10.2.0/24"], ["172.18.0.3"])),
  s: from("ports", true),
  w: from("ports", true, web),
  x: from("ports", true, gone(web)),
};

/** The flows of Route and the port's classification: the rest of a step follows from them. */
function describeWork({ flows, compare }: SwitchWork): string {
  const names = (all: Iterable<{ owners: readonly { name: string }[] }>) => {
    const owners = [...all].flatMap((one) => one.owners.map(({ name }) => name));
    return [...new Set(owners)].sort().join(",");
  };
  const changed = [...flows.changed.values()].map(([, to]) => to);
  const parts = [names(flows.added.values()), names(changed), names(flows.removed.values())];
  return `+${parts[0]} ~${parts[1]} -${parts[2]}${compare ? " compare" : ""}`;
}

interface Marbles {
  readonly api: string;
  readonly ports: string;
  readonly compareSwitch?: string;
  readonly compareHost?: string;
  /** Frames that an application takes. */
  readonly busy?: number;
}

/** Runs the graph in virtual time; returns when each application began, and with what. */
function run({ api, ports, compareSwitch = "", compareHost = "", busy = 0 }: Marbles) {
  const began: { readonly switch: string[]; readonly host: string[] } = { switch: [], host: [] };
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected));
  scheduler.run(({ hot }) => {
    /** Promises know no virtual time; what waits for this does. */
    const after = (frames: number) =>
      // biome-ignore lint/suspicious/noThenProperty: it stands in for a promise
      ({ then: (done: () => void) => void timer(frames).subscribe(done) }) as unknown as Promise<void>;
    const targets = {
      applySwitch(work: SwitchWork) {
        began.switch.push(`${scheduler.now()}: ${describeWork(work)}`);
        return after(busy);
      },
      applyHost(state: HostState) {
        began.host.push(`${scheduler.now()}: ${state.nodeAddresses.join(",")}`);
        return after(busy);
      },
    };
    createGraph(
      createPipeline(SETTINGS, ["api", "ports"]),
      {
        sources: [hot(api, batches), hot(ports, batches)],
        compareSwitch$: hot(compareSwitch),
        compareHost$: hot(compareHost),
      },
      targets,
    ).subscribe();
  });
  return began;
}

describe("the graph", () => {
  it("writes nothing before every source is complete, then compares everything", () => {
    const began = run({ api: "N--S---", ports: "--w----s", compareSwitch: "-c", compareHost: "-c" });
    assert.deepEqual(began.switch, ["3: +base,default/weir1,n1 ~ - compare"]);
    assert.deepEqual(began.host, ["3: 172.18.0.1"]);
    assert.deepEqual(run({ api: "N", ports: "w" }), { switch: [], host: [] });
  });

  it("sends one change at once, to the targets that it concerns", () => {
    const began = run({ api: "(NS)----P---Q", ports: "s---w---" });
    assert.deepEqual(began.switch.slice(1), ["4: +default/weir1 ~ -", "8: +n2 ~ -", "12: + ~ -n2"]);
    assert.deepEqual(began.host, ["0: 172.18.0.1", "8: 172.18.0.1,172.18.0.2", "12: 172.18.0.1"]);
  });

  it("squashes what arrives while a target is busy into one piece of work", () => {
    const began = run({ api: "(NS)-P---M--", ports: "s----w------", busy: 20 });
    assert.deepEqual(began.switch, ["0: +base,n1 ~ - compare", "20: +default/weir1,n2 ~ -"]);
    assert.deepEqual(began.host, ["0: 172.18.0.1", "20: 172.18.0.1,172.18.0.3"]);
  });

  it("lets work that undoes itself come to nothing but an empty piece", () => {
    const began = run({ api: "(NS)", ports: "s----wx", busy: 20 });
    assert.deepEqual(began.switch, ["0: +base,n1 ~ - compare", "20: + ~ -"]);
  });

  it("compares when it is told to, once for all that was asked meanwhile, and with the changes that wait", () => {
    const began = run({
      api: "(NS)",
      ports: "s------w--",
      compareSwitch: "-----c-c--",
      compareHost: "---c-c",
      busy: 20,
    });
    assert.deepEqual(began.switch, ["0: +base,n1 ~ - compare", "20: +default/weir1 ~ - compare"]);
    assert.deepEqual(began.host, ["0: 172.18.0.1", "20: 172.18.0.1"]);
  });

  it("does not have one target wait for the other", () => {
    const began = run({ api: "(NS)--------------------P", ports: "s", compareHost: "---c", busy: 15 });
    assert.deepEqual(began.host, ["0: 172.18.0.1", "15: 172.18.0.1", "30: 172.18.0.1,172.18.0.2"]);
    assert.deepEqual(began.switch, ["0: +base,n1 ~ - compare", "24: +n2 ~ -"]);
  });
});
