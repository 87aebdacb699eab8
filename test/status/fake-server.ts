import type { Wait } from "#controller/status/latest-writer.ts";
import type { KubeRequest, KubeResponse } from "#controller/watch/kube-request.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly contentType: string | undefined;
}

/** An API server that remembers what it was asked, and answers when `held` lets it. */
export function fakeServer(
  answer: (call: Call) => KubeResponse | Error,
  held: () => Promise<void> = async () => {},
): {
  readonly calls: Call[];
  readonly request: KubeRequest;
} {
  const calls: Call[] = [];
  return {
    calls,
    async request(method, path, body, contentType) {
      const call = { method, path, body, contentType };
      calls.push(call);
      await held();
      const reply = answer(call);
      if (reply instanceof Error) throw reply;
      return reply;
    },
  };
}

/** Time that passes when the test says so. */
export function manualWait(): { readonly wait: Wait; readonly asked: number[]; pass(): void } {
  const waiting = new Set<() => void>();
  const asked: number[] = [];
  return {
    asked,
    wait(milliseconds, signal) {
      asked.push(milliseconds);
      return new Promise((resolve, reject) => {
        waiting.add(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    pass() {
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
  };
}

/** Lets everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}
