import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A program of this folder that answers each request, a line of JSON, with another. */
export interface PythonProcess {
  /** One at a time, in the order of the calls. Rejects with what the program says is wrong. */
  call<T>(...request: readonly unknown[]): Promise<T>;
  /** A request that goes on until some work is done: answered when it begins, and when it ends. */
  callWhile<T>(request: readonly unknown[], work: () => Promise<unknown>): Promise<T>;
  close(): Promise<void>;
}

export async function startPython(program: string): Promise<PythonProcess> {
  const child = spawn("python3", [join(import.meta.dirname, program)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${program} has ended`);
    return value;
  };
  const answer = async <T>(): Promise<T> => {
    const { value, error }: { value?: T; error?: string } = JSON.parse(await next());
    if (error !== undefined) throw new Error(error);
    return value as T;
  };
  await next();
  let queue: Promise<unknown> = Promise.resolve();
  const call = <T>(...request: readonly unknown[]): Promise<T> => {
    const answered = queue.then(() => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return answer<T>();
    });
    queue = answered.catch(() => {});
    return answered;
  };
  return {
    call,
    async callWhile<T>(request: readonly unknown[], work: () => Promise<unknown>): Promise<T> {
      await call(...request);
      const halt = () => void child.stdin.write("\n");
      work().then(halt, halt);
      return answer<T>();
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
