import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A raw socket on eth0 of a network namespace: what a hostile pod has, and what a victim's kernel is handed. */
export interface RawSocket {
  /** Every frame heard since the start or the last `clear`. */
  readonly heard: readonly Buffer[];
  clear(): void;
  send(frame: Buffer): void;
  /** Resolves with the first frame, heard already or yet to come, for which `wanted` says so. */
  hear(wanted: (frame: Buffer) => boolean): Promise<Buffer>;
  close(): Promise<void>;
}

export async function openRawSocket(netns: string): Promise<RawSocket> {
  const program = join(import.meta.dirname, "raw-socket.py");
  const child = spawn("ip", ["netns", "exec", netns, "python3", program], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.stdin.on("error", () => {});
  const heard: Buffer[] = [];
  const listeners = new Set<(frame: Buffer) => void>();
  await new Promise<void>((resolve, reject) => {
    void ended.then(() => reject(new Error(`the raw socket in ${netns} could not be opened`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "ready") return resolve();
      const frame = Buffer.from(line, "hex");
      heard.push(frame);
      for (const listener of listeners) listener(frame);
    });
  });
  return {
    heard,
    clear: () => void heard.splice(0),
    send: (frame) => void child.stdin.write(`${frame.toString("hex")}\n`),
    hear: (wanted) =>
      new Promise((resolve) => {
        const early = heard.find(wanted);
        if (early !== undefined) return resolve(early);
        const listener = (frame: Buffer): void => {
          if (!wanted(frame)) return;
          listeners.delete(listener);
          resolve(frame);
        };
        listeners.add(listener);
      }),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
