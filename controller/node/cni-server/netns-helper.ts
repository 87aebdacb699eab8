import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { CommandError } from "../system/commands.ts";

/** Node makes pipes to its children from socket pairs. */
type Helper = ChildProcessByStdio<Socket, Socket, null>;

interface Pending {
  readonly helper: Helper;
  resolve(): void;
  reject(error: CommandError): void;
}

/** No step in the kernel takes nearly so long, in milliseconds. */
const PATIENCE = 20_000;

/**
 * Asks one long-lived `weir-netns serve` (cni/README.md): to fork this process costs more than all of the work on a pod's
 * interface. It is started when it is needed, again if it ends, and ends with its stdin, so also when this process dies.
 */
export class NetnsHelper {
  readonly #path: string;
  readonly #pending = new Map<number, Pending>();
  #helper: Helper | undefined;
  #lastId = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with CommandError: what was tried, and the kernel's reason. No word may hold white space. */
  async request(...words: readonly string[]): Promise<void> {
    this.#helper ??= this.#start();
    const helper = this.#helper;
    const id = ++this.#lastId;
    const command = words.join(" ");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (code: number, complaint: string): void =>
      reject(new CommandError(`weir-netns ${command}`, code, complaint));
    const timer = setTimeout(() => fail(-1, `no answer within ${PATIENCE / 1000} s`), PATIENCE);
    this.#pending.set(id, { helper, resolve, reject });
    helper.stdin.write(`${id} ${command}\n`);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  #start(): Helper {
    const helper = spawn(this.#path, ["serve"], { stdio: ["pipe", "pipe", "inherit"] }) as Helper;
    // Idle, it holds nobody up who wants to end: a request that waits has its timer.
    for (const handle of [helper, helper.stdin, helper.stdout]) handle.unref();
    createInterface({ input: helper.stdout }).on("line", (line) => this.#settle(line));
    // A helper that has ended says so by itself.
    helper.stdin.on("error", () => {});
    helper.on("error", (error) => this.#lose(helper, error.message));
    helper.on("close", (code, signal) => this.#lose(helper, `weir-netns ended with ${signal ?? code}`));
    return helper;
  }

  /** "ID CODE WHAT" */
  #settle(line: string): void {
    const [id = "", code = "", ...text] = line.split(" ");
    const pending = this.#pending.get(Number(id));
    if (code === "0") pending?.resolve();
    else pending?.reject(new CommandError("weir-netns", Number(code), text.join(" ")));
  }

  #lose(lost: Helper, reason: string): void {
    if (this.#helper === lost) this.#helper = undefined;
    for (const { helper, reject } of this.#pending.values())
      if (helper === lost) reject(new CommandError("weir-netns", -1, reason));
  }
}
