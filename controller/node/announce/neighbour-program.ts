import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** What the program heard. */
export interface NeighbourEvents {
  onHello(link: string, mac: string, hex: string): void;
  /** Somebody else says that an address is theirs for which the program answers. */
  onClaim(link: string, mac: string, ip: string): void;
  onFailure(message: string): void;
  /** It has ended, though nobody asked it to: what it was told is lost. */
  onEnd(reason: string): void;
}

/** A running `weir-announce` (cni/README.md). It ends with its stdin, so also when this process dies. */
export interface NeighbourProgram {
  /** "add eth0 192.0.2.1". Done in turn; what fails is told. */
  order(...words: readonly string[]): void;
  close(): void;
}

export function startNeighbourProgram(path: string, patience: number, events: NeighbourEvents): NeighbourProgram {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(path, [String(patience)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let ended = false;
  const end = (reason: string): void => {
    if (!ended) events.onEnd(reason);
    ended = true;
  };
  // One that has ended says so by itself.
  child.stdin.on("error", () => {});
  child.on("error", (error) => end(error.message));
  child.on("close", (code, signal) => end(`weir-announce ended with ${signal ?? code}`));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!ended) tell(line, events);
  });
  return {
    order(...words) {
      child.stdin.write(`${words.join(" ")}\n`);
    },
    close() {
      ended = true;
      child.stdin.end();
    },
  };
}

function tell(line: string, events: NeighbourEvents): void {
  const [what, link = "", mac = "", rest = ""] = line.split(" ");
  if (what === "hello") events.onHello(link, mac, rest);
  else if (what === "claim") events.onClaim(link, mac, rest);
  else events.onFailure(line);
}
