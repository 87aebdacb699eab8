import { join } from "node:path";
import type { Bench, Row } from "./bench.ts";
import { command } from "./command.ts";
import { CLUSTERS, type Cluster } from "./policy-index/clusters.ts";
import type { Measured } from "./policy-index/measure.ts";

const PROGRAM = join(import.meta.dirname, "policy-index", "measure.ts");
const ROUNDS = 3;

export const bench: Bench = {
  name: "policy-index",
  about: "from all pods, namespaces and policies of large clusters to who is selected by what, and a change afterwards",
  async run({ say }) {
    const rows: Row[] = [];
    for (const cluster of CLUSTERS) {
      say(cluster.name);
      rows.push(...(await measureCluster(cluster)));
    }
    return rows;
  },
};

/** Each round is a process of its own, whose memory has known nothing else. */
async function measureCluster({ name, atMostMilliseconds, atMostMegabytes }: Cluster): Promise<readonly Row[]> {
  const rounds: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push(JSON.parse(await command([process.execPath, PROGRAM, name])));
  const values = (of: string, pick: (one: Measured) => readonly number[]) => ({ of, values: rounds.flatMap(pick) });
  return [
    {
      what: `${name}: index`,
      unit: "ms",
      weir: values("memberships of all", ({ index }) => [index]),
      target: { of: "value", atMost: atMostMilliseconds },
    },
    {
      what: "  with the reading of all objects",
      unit: "ms",
      weir: values("ingest and index", ({ ingest, index }) => [ingest + index]),
    },
    {
      what: "  peak resident memory",
      unit: "MB",
      weir: values("objects and index", ({ peakMegabytes }) => [peakMegabytes]),
      target: { of: "value", atMost: atMostMegabytes },
    },
    {
      what: "  a pod's change afterwards",
      unit: "ms",
      weir: values("one change", ({ podChanges }) => podChanges),
      target: { of: "value", atMost: 1 },
    },
    {
      what: "  a policy's change afterwards",
      unit: "ms",
      weir: values("one change", ({ policyChanges }) => policyChanges),
      target: { of: "value", atMost: 1 },
    },
  ];
}
