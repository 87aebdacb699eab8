import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { watchAddresses } from "../host/watch-addresses.ts";
import { run } from "../system/commands.ts";
import { type Announcer, type AnnouncerOptions, createAnnouncer } from "./announcer.ts";
import type { HeldAddress } from "./held.ts";
import { readLinks } from "./links.ts";
import { startNeighbourProgram } from "./neighbour-program.ts";
import { ANNOUNCE_TIMING as TIMING } from "./timing.ts";

export type { HeldAddress } from "./held.ts";

export type AnnouncingOptions = Omit<AnnouncerOptions, "timing" | "now" | "startProgram"> & {
  readonly log: Log;
  readonly view: View;
  readonly signal: AbortSignal;
  /** The executable weir-announce. */
  readonly program: string;
};

/** Addresses of services that this node announces, while there are pools to take them from. */
export interface Announcing {
  /** The model has taken a batch in. */
  note(batch: SourceBatch): void;
  held(): readonly HeldAddress[];
  problems(): readonly Problem[];
}

/** What comes within so many milliseconds is looked at together. */
const SETTLE = 20;

export function createAnnouncing(options: AnnouncingOptions): Announcing {
  let running: Running | undefined;
  return {
    note(batch) {
      if (options.signal.aborted) return;
      if (running === undefined && hasWork(options.view, batch)) running = startAnnouncing(options);
      running?.note(batch);
    },
    held: () => running?.announcer.held() ?? [],
    problems: () => running?.announcer.problems() ?? [],
  };
}

/** What was given stays announced, though there are no pools any more. */
function hasWork({ AddressPool, Service }: View, { changes }: SourceBatch): boolean {
  if (AddressPool.size > 0) return true;
  return changes.some(({ kind, key }) => kind === "Service" && (Service.get(key)?.assignedFrom.length ?? 0) > 0);
}

interface Running {
  readonly announcer: Announcer;
  note(batch: SourceBatch): void;
}

function startAnnouncing(options: AnnouncingOptions): Running {
  const { log, signal, program } = options;
  const announcer = createAnnouncer({
    ...options,
    timing: TIMING,
    now: () => performance.now(),
    startProgram: (events) => startNeighbourProgram(program, TIMING.hold, events),
  });
  const look = async (): Promise<void> => {
    try {
      const links = readLinks(await run("ip", ["-j", "address", "show"]));
      if (signal.aborted) return;
      announcer.setLinks(links);
      announcer.refresh();
    } catch (error) {
      log.warn("the host's interfaces cannot be read", { error: describeError(error) });
    }
  };
  // It catches what can fail in it; should an earlier look end after a later one, the next change puts it right.
  const onChange = (): void => void look();
  watchAddresses({ log, signal, onChange });
  onChange();
  const timer = setInterval(() => announcer.tick(), TIMING.hello);
  let soon: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearInterval(timer);
    clearTimeout(soon);
    announcer.close();
  };
  signal.addEventListener("abort", stop, { once: true });
  return {
    announcer,
    note(batch) {
      announcer.note(batch);
      soon ??= setTimeout(() => {
        soon = undefined;
        announcer.refresh();
      }, SETTLE);
    },
  };
}
