/**
 * What is to be written, in order: one write at a time, and whatever gathers meanwhile in the next. So a thousand small
 * requests cost few system calls, and of each it is known whether it has left. Knows no JSON-RPC.
 */
import type { Writable } from "node:stream";

export interface Sender {
  /** `leaves` is asked when its turn comes: false takes the text back. `onWritten`: the kernel has it. */
  send(text: string, leaves?: () => boolean, onWritten?: () => void): void;
  /** Resolves while less than a mebibyte waits, or when it has ended. */
  whenWritable(): Promise<void>;
  /** What waits is dropped. */
  end(): void;
}

interface Waiting {
  readonly text: string;
  leaves: (() => boolean) | undefined;
  onWritten: (() => void) | undefined;
}

/** Characters that go into one write. */
const PIECE = 1 << 18;
const HIGH_WATER = 1 << 20;

export function createSender(stream: Writable): Sender {
  let queue: Waiting[] = [];
  let waiting = 0;
  let scheduled = false;
  let ended = false;
  let writable = Promise.withResolvers<void>();
  writable.resolve();

  /** After the current turn: requests made together go out together. */
  function schedule(): void {
    if (scheduled || ended) return;
    scheduled = true;
    queueMicrotask(flush);
  }

  function flush(): void {
    if (ended) return;
    const written: (() => void)[] = [];
    let piece = "";
    let taken = 0;
    while (taken < queue.length && piece.length < PIECE) {
      const { text, leaves, onWritten } = queue[taken++]!;
      waiting -= text.length;
      if (leaves !== undefined && !leaves()) continue;
      piece += text;
      if (onWritten !== undefined) written.push(onWritten);
    }
    queue = taken === queue.length ? [] : queue.slice(taken);
    if (waiting < HIGH_WATER) writable.resolve();
    if (piece === "") {
      scheduled = false;
      if (queue.length > 0) schedule();
      return;
    }
    stream.write(piece, () => {
      for (const tell of written) tell();
      scheduled = false;
      if (queue.length > 0) schedule();
    });
  }

  return {
    send(text, leaves, onWritten) {
      if (ended) return;
      if (waiting < HIGH_WATER && waiting + text.length >= HIGH_WATER) writable = Promise.withResolvers();
      queue.push({ text, leaves, onWritten });
      waiting += text.length;
      schedule();
    },
    whenWritable: () => writable.promise,
    end() {
      ended = true;
      queue = [];
      writable.resolve();
    },
  };
}
