import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  type Allowed,
  type Cell,
  type Endpoint,
  EVERYTHING_ALLOWED,
  judgeCell,
  type Pair,
  type Place,
  pairsOf,
} from "./matrix.ts";
import { PROBE_PORT, type ProbeReply, type ProbeRequest } from "./prober.ts";

export interface Prober {
  ask(host: string, service?: { readonly port: number }): Promise<ProbeReply>;
  close(): Promise<void>;
}

/** How many probes one namespace has on the way at once. */
const PARALLEL = 4;

/** A fellow process inside a network namespace. It listens on every address the namespace has or will have. */
export async function startProber(netns: string): Promise<Prober> {
  const program = join(import.meta.dirname, "prober.ts");
  const child = spawn("ip", ["netns", "exec", netns, process.execPath, program], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const waiting = new Map<number, (reply: ProbeReply) => void>();
  let ended = false;
  const whenEnded = new Promise<void>((resolve) => {
    child.once("close", () => {
      ended = true;
      for (const [id, settle] of waiting) settle({ id, error: "the prober ended" });
      resolve();
    });
  });
  child.stdin.on("error", () => {});
  const listening = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "listening") return resolve();
      const reply: ProbeReply = JSON.parse(line);
      waiting.get(reply.id)?.(reply);
      waiting.delete(reply.id);
    });
  });
  await Promise.race([listening, whenEnded]);
  if (ended) throw new Error(`the prober in ${netns} ended at once`);
  let lastId = 0;
  return {
    ask(host, service) {
      const id = ++lastId;
      if (ended) return Promise.resolve({ id, error: "the prober ended" });
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        const port = service?.port ?? PROBE_PORT;
        const request: ProbeRequest = { id, host, port, isService: service !== undefined };
        child.stdin.write(`${JSON.stringify(request)}\n`);
      });
    },
    async close() {
      child.stdin.end();
      await whenEnded;
    },
  };
}

export interface Probed {
  readonly endpoint: Place;
  readonly prober: Prober;
}

/** Tries every pair for which `wanted` says so, each namespace a few at a time. */
export async function probe(
  endpoints: readonly Probed[],
  services: readonly Endpoint[] = [],
  wanted: (from: Endpoint, to: Endpoint) => boolean = () => true,
  judge: (pair: Pair) => Allowed = () => EVERYTHING_ALLOWED,
): Promise<Cell[]> {
  const ends = [...endpoints.map(({ endpoint }) => endpoint), ...services];
  const nodes = ends.filter(({ kind }) => kind === "node");
  const pairs = [...pairsOf(ends)].filter(({ from, to }) => wanted(from, to));
  const cells = new Map<object, Cell>();
  const work = async (prober: Prober, mine: typeof pairs) => {
    for (let pair = mine.shift(); pair !== undefined; pair = mine.shift()) {
      const { from, to, family } = pair;
      const reply = await prober.ask(to.addresses[family]!, to.service);
      cells.set(pair, judgeCell(from, to, family, reply, nodes, judge(pair)));
    }
  };
  const workers = endpoints.flatMap(({ endpoint, prober }) => {
    const mine = pairs.filter(({ from }) => from === endpoint);
    return Array.from({ length: PARALLEL }, () => work(prober, mine));
  });
  await Promise.all(workers);
  return pairs.map((pair) => cells.get(pair)!);
}

/** What is not as it should be is tried again: a node may have taken the last manifests over only meanwhile. */
export async function probeTwice(
  ...[endpoints, services, wanted, judge]: Required<Parameters<typeof probe>>
): Promise<Cell[]> {
  const cells = await probe(endpoints, services, wanted, judge);
  const faults = cells.filter(({ fault }) => fault !== undefined);
  if (faults.length === 0) return cells;
  const isFaulty = (from: Endpoint, to: Endpoint) => faults.some((cell) => cell.from === from && cell.to === to);
  const again = await probe(endpoints, services, isFaulty, judge);
  const isSame = (a: Cell, b: Cell) => a.from === b.from && a.to === b.to && a.family === b.family;
  return cells.map((cell) => again.find((one) => isSame(one, cell)) ?? cell);
}
