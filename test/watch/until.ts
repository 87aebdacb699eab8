import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits for a condition, however long it takes, up to a bound that only a failure reaches. */
export async function until(condition: () => boolean | Promise<boolean>, bound = 10_000): Promise<void> {
  const end = performance.now() + bound;
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`still not so after ${bound} ms: ${condition}`);
    await sleep(5);
  }
}
