import { setTimeout as sleep } from "node:timers/promises";

/** Polls until `attempt` neither throws nor gives false; what it last said is in the error after ten seconds. */
export async function eventually(what: string, attempt: () => unknown): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    let said: unknown;
    try {
      said = await attempt();
      if (said !== false) return;
    } catch (error) {
      said = error;
    }
    if (performance.now() > end) throw new Error(`never: ${what}`, { cause: said });
    await sleep(5);
  }
}
