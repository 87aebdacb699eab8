import type { IncomingMessage } from "node:http";
import type { RawChange } from "#pipeline/source.ts";
import { FailureSignal, garbage, refusalOf } from "./failure.ts";
import { type KubeClient, parseBody, readBody } from "./kube-client.ts";
import { createLineParser } from "./lines.ts";
import { AT_ONCE, type Pause, type Reflection } from "./protocol.ts";

/** Undefined: something came, and it does not make a whole yet. */
export type Receive<K extends string> = (changes: readonly RawChange<K>[] | undefined) => void;

/** Asks what the reflection wants to know next, and reads the answer to its end. Throws when it comes to nothing. */
export async function runExchange<K extends string>(
  reflection: Reflection<K>,
  client: KubeClient,
  silence: number,
  receive: Receive<K>,
  signal: AbortSignal,
): Promise<Pause> {
  const { mode, path, query } = reflection.next();
  const response = await client.open(path, query, signal);
  const watchdog = createWatchdog(response, silence);
  try {
    if (response.statusCode !== 200) {
      const body = parseBody(await readBody(response, watchdog.feed));
      throw new FailureSignal(refusalOf(response.statusCode ?? 0, body, response.headers["retry-after"]));
    }
    if (mode === "watch") {
      await readEvents(response, reflection, watchdog.feed, receive);
      return reflection.end();
    }
    const page = parseBody(await readBody(response, watchdog.feed));
    if (page === undefined) throw garbage("a list that is not JSON");
    receive(reflection.receivePage(page));
    return AT_ONCE;
  } catch (error) {
    throw watchdog.failure ?? error;
  } finally {
    watchdog.stop();
    response.destroy();
  }
}

/** All that has come in by the time we look is one batch. */
async function readEvents<K extends string>(
  response: IncomingMessage,
  reflection: Reflection<K>,
  feed: () => void,
  receive: Receive<K>,
): Promise<void> {
  const parser = createLineParser();
  if (reflection.isSynced) receive(undefined);
  for await (const chunk of response) {
    const events = parser.receive(chunk);
    if (events.length === 0) continue;
    // Not every byte counts: a connection which gives one now and then and never a line is as dead as a silent one.
    feed();
    const { changes, failure } = reflection.receiveEvents(events);
    receive(changes);
    if (failure !== undefined) throw new FailureSignal(failure);
  }
  if (!response.complete) throw new Error("the watch broke off");
  if (!parser.isAtBoundary) throw garbage("the watch ended within a line");
}

interface Watchdog {
  feed(): void;
  stop(): void;
  readonly failure: FailureSignal | undefined;
}

/** Ends a response on which nothing comes any more. */
function createWatchdog(response: IncomingMessage, silence: number): Watchdog {
  let failure: FailureSignal | undefined;
  const timer = setTimeout(() => {
    failure = new FailureSignal({ type: "silent", message: `nothing came for ${silence} ms` });
    response.destroy(failure);
  }, silence);
  return {
    feed: () => timer.refresh(),
    stop: () => clearTimeout(timer),
    get failure() {
      return failure;
    },
  };
}
