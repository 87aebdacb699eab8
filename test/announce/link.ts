import { parseCidr } from "#base/address.ts";
import { type Announcer, createAnnouncer } from "#controller/node/announce/announcer.ts";
import type { Link } from "#controller/node/announce/links.ts";
import type { NeighbourEvents } from "#controller/node/announce/neighbour-program.ts";
import { ANNOUNCE_TIMING } from "#controller/node/announce/timing.ts";
import { createModelStore, type ModelStore } from "#pipeline/model/store.ts";
import type { RawChange } from "#pipeline/source.ts";
import { batch } from "../pipeline/samples.ts";

/** A node on the simulated link: the announcer under test over a program that only carries hellos and claims. */
export interface SimulatedNode {
  readonly name: string;
  readonly announcer: Announcer;
  readonly store: ModelStore;
  /** What it answers for. */
  readonly answers: Set<string>;
  /** "take default/a 192.0.2.1", "leave ...". */
  readonly moves: string[];
  readonly warnings: string[];
  ready: boolean;
  connected: boolean;
  /** Cut off: nothing of it is heard, and it hears nothing. */
  apart: boolean;
  /** The process runs. */
  alive: boolean;
  learn(...changes: readonly RawChange[]): void;
  /** How its program came to an end. */
  endProgram(): void;
}

export const ETH0: Omit<Link, "mac"> = { name: "eth0", index: 2, networks: [parseCidr("192.0.2.0/24")!] };

/** Nodes on one link, with a clock of their own. What one says all others hear at once. */
export class SimulatedLink {
  readonly nodes: SimulatedNode[] = [];
  now = 0;

  add(name: string): SimulatedNode {
    const mac = `02:00:00:00:00:${(this.#listeners.size + 1).toString(16).padStart(2, "0")}`;
    const store = createModelStore([]);
    const heard: { events?: NeighbourEvents } = {};
    const answers = new Set<string>();
    const moves: string[] = [];
    const warnings: string[] = [];
    const note = (text: string) => void warnings.push(text);
    const announcer = createAnnouncer({
      ...{ nodeName: name, view: store.view, timing: ANNOUNCE_TIMING },
      log: { debug() {}, info() {}, warn: note, error: note },
      now: () => this.now,
      isReady: () => node.ready,
      isConnected: () => node.connected,
      onMove(taken, left) {
        moves.push(...left.map(({ service, ip }) => `leave ${service} ${ip}`));
        moves.push(...taken.map(({ service, ip }) => `take ${service} ${ip}`));
      },
      startProgram: (events) => {
        heard.events = events;
        return {
          order: (what, link, word = "") => {
            if (what === "add") answers.add(word);
            if (what === "remove") answers.delete(word);
            if (what === "close") answers.clear();
            if (what === "hello") this.#tell(node, (other) => other.onHello(link!, mac, word));
            if (what === "announce") this.#tell(node, (other) => other.onClaim(link!, mac, word));
          },
          close: () => {
            answers.clear();
            delete heard.events;
          },
        };
      },
    });
    const node: SimulatedNode = {
      ...{ name, announcer, store, answers, moves, warnings, ready: true, connected: true, apart: false, alive: true },
      learn(...changes) {
        const { apply } = store;
        apply(batch(...changes));
        announcer.note(batch(...changes));
      },
      endProgram() {
        answers.clear();
        heard.events?.onEnd("it was killed");
      },
    };
    this.nodes.push(node);
    this.#listeners.set(node, heard);
    announcer.setLinks([{ ...ETH0, mac }]);
    return node;
  }

  readonly #listeners = new Map<SimulatedNode, { events?: NeighbourEvents }>();

  #tell(from: SimulatedNode, say: (events: NeighbourEvents) => void): void {
    if (from.apart) return;
    for (const [node, { events }] of this.#listeners)
      if (node !== from && node.alive && !node.apart && events !== undefined) say(events);
  }

  /** What a stranger on the link says, to one node. */
  say(to: SimulatedNode, mac: string, hex: string): void {
    this.#listeners.get(to)?.events?.onHello("eth0", mac, hex);
  }

  claim(to: SimulatedNode, mac: string, ip: string): void {
    this.#listeners.get(to)?.events?.onClaim("eth0", mac, ip);
  }

  /** As a program does that was not told of its death: a node without a process answers nobody. */
  kill(node: SimulatedNode): void {
    node.alive = false;
    node.answers.clear();
  }

  /** Time goes on, in steps of a tenth of a second, each node's clock a little apart from the others'. */
  run(milliseconds: number, look: () => void = () => {}): void {
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now += 100;
      for (const [i, node] of this.nodes.entries()) {
        if (!node.alive) continue;
        node.announcer.refresh();
        if ((this.now / 100 + i) % 5 === 0) node.announcer.tick();
      }
      look();
    }
  }

  owners(ip: string): readonly string[] {
    return this.nodes.filter(({ answers }) => answers.has(ip)).map(({ name }) => name);
  }
}
