/**
 * What a benchmark is. Each file of bench/ that defines one exports `bench: Bench`; bench/run.ts lists and runs them.
 * Machines differ, so every figure stands beside an anchor that was measured in the same run: somebody else's tool doing
 * the same work, or the kernel's own price for a part of it.
 */
export interface Bench {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  run(context: BenchContext): Promise<readonly Row[]>;
}

export interface BenchContext {
  /** Progress, for a person. */
  say(text: string): void;
  /** A folder of this run's own; removed afterwards. */
  readonly directory: string;
  /** Called in reverse order when the bench ends, however it ends. */
  defer(undo: () => unknown): void;
}

export interface Sample {
  /** What was measured: "weir", "ovs-ofctl --bundle". */
  readonly of: string;
  readonly values: readonly number[];
}

export interface Row {
  readonly what: string;
  readonly unit: "ms" | "MB" | "Mb/s" | "flows/s" | "transactions/s" | "connections/s" | "%" | "count" | "s";
  readonly weir: Sample;
  readonly anchor?: Sample;
  /** `ratio` compares weir / anchor, `value` weir alone. A row without a target is information. */
  readonly target?: Target;
}

export interface Target {
  readonly of: "ratio" | "value";
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Judged extends Row {
  readonly ratio: number | undefined;
  readonly met: boolean | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function judge(row: Row): Judged {
  const value = median(row.weir.values);
  const ratio = row.anchor === undefined ? undefined : value / median(row.anchor.values);
  const compared = row.target?.of === "value" ? value : ratio;
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = row.target ?? {};
  // NaN, from an empty sample, meets nothing.
  const met =
    row.target === undefined ? undefined : compared !== undefined && compared <= atMost && compared >= atLeast;
  return { ...row, ratio, met };
}

/** Returns its own figure, or anything else: then the time it took counts, in milliseconds. */
export type Probe = () => unknown;

/**
 * Runs both sides alternately, so that a neighbour's load falls on both; the first turn of each warms up and is not counted.
 */
export async function alternate(
  rounds: number,
  weir: { readonly of: string; readonly probe: Probe },
  anchor: { readonly of: string; readonly probe: Probe },
): Promise<{ readonly weir: Sample; readonly anchor: Sample }> {
  const values: { weir: number[]; anchor: number[] } = { weir: [], anchor: [] };
  for (let round = 0; round <= rounds; round++) {
    const one = await measure(weir.probe);
    const other = await measure(anchor.probe);
    if (round === 0) continue;
    values.weir.push(one);
    values.anchor.push(other);
  }
  return { weir: { of: weir.of, values: values.weir }, anchor: { of: anchor.of, values: values.anchor } };
}

/** One side alone, warmed up likewise. */
export async function repeat(rounds: number, of: string, probe: Probe): Promise<Sample> {
  const values: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const value = await measure(probe);
    if (round > 0) values.push(value);
  }
  return { of, values };
}

async function measure(probe: Probe): Promise<number> {
  const started = performance.now();
  const own = await probe();
  return typeof own === "number" ? own : performance.now() - started;
}
