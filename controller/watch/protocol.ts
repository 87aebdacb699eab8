import { isEqual } from "#base/equal.ts";
import type { Kind, RawChange } from "#pipeline/source.ts";
import { type Failure, FailureSignal, garbage, refusalOf } from "./failure.ts";
import { collectionPath, isRecord, keyOf, readPath, type WatchedKind } from "./kinds.ts";

/** What to ask the API server for next. */
export interface Exchange {
  /** "list": one JSON answer. "watch": one event a line, without end. */
  readonly mode: "list" | "watch";
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/** When to ask next. */
export interface Pause {
  /** At once, after the usual back-off, or after it and not before so many milliseconds have gone. */
  readonly wait: "none" | "backoff" | number;
  /** Something came since the last failure: the back-off begins anew. */
  readonly afterProgress: boolean;
}

/** After a list: whether it was progress shows when its watch is open. */
export const AT_ONCE: Pause = { wait: "none", afterProgress: false };

/** What was read from the API server, and what is to be read next. No I/O, no clock: answers go in, changes come out. */
export interface Reflection<K extends string = Kind> {
  /** Complete at least once. */
  readonly isSynced: boolean;
  /** What was given out, pruned, by key. */
  readonly objects: ReadonlyMap<string, unknown>;
  next(): Exchange;
  /** A page of a list. Undefined when more pages follow: half a list is nothing. */
  receivePage(body: unknown): readonly RawChange<K>[] | undefined;
  /** Events that came together, as parsed lines. */
  receiveEvents(events: readonly unknown[]): Received<K>;
  /** A watch came to its end, as each does after some minutes. */
  end(): Pause;
  fail(failure: Failure): Pause;
  /** The server does not know the kind: there are no such objects, and that is all there is to know. */
  vanish(): readonly RawChange<K>[];
  /** Objects of an earlier life, given out until the first list comes, which is then a difference to them. */
  recall(objects: ReadonlyMap<string, unknown>): readonly RawChange<K>[];
}

export interface Received<K extends string = Kind> {
  /** What the events before the failure changed. Undefined while a list streams in: half a list is nothing. */
  readonly changes: readonly RawChange<K>[] | undefined;
  readonly failure?: Failure;
}

/** A change, and what was given out of the object before it. */
interface Move<K extends string> {
  readonly change: RawChange<K>;
  readonly before: unknown;
}

export const PAGE_LIMIT = 500;
/** So often may the same resume go wrong before everything is read anew. */
const PATIENCE = 3;
/** Bookmarks come every minute: a watch that stays silent twice waits for versions that the server does not have. */
const SILENT_PATIENCE = 2;
/** How a server says that it does not stream lists; 500 where its etcd is too old for it. */
const STREAM_REFUSALS = [400, 422, 500, 501];
/** So many streamed lists without an end, and lists come in pages. */
const ENDLESS_LISTS = 2;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

interface State {
  readonly objects: Map<string, unknown>;
  synced: boolean;
  /** Where a watch resumes; undefined: a list is due. */
  version: string | undefined;
  /** The list that is coming in. */
  pending: Map<string, unknown>;
  continueToken: string | undefined;
  /** A continue token expired: the list is asked for in one piece. */
  unpaged: boolean;
  /** The server refused to stream this list: it is asked for in pages. */
  streamRefused: boolean;
  /** Streamed lists, one after another, that never came to their end. */
  endlessLists: number;
  /** Something came since the last failure. */
  progress: boolean;
  /** The watch brought something since the last list. */
  watched: boolean;
  /** Failures without progress for which the version that we resume from may be the reason. */
  suspicions: number;
}

export function createReflection<K extends string>(
  kind: WatchedKind<K>,
  nodeName: string,
  random: () => number,
): Reflection<K> {
  const state: State = {
    objects: new Map(),
    synced: false,
    version: undefined,
    pending: new Map(),
    continueToken: undefined,
    unpaged: false,
    streamRefused: false,
    endlessLists: 0,
    progress: false,
    watched: false,
    suspicions: 0,
  };
  return {
    get isSynced() {
      return state.synced;
    },
    objects: state.objects,
    next: () => nextExchange(state, kind, nodeName, random),
    receivePage: (body) => receivePage(state, kind, body),
    receiveEvents: (events) => receiveEvents(state, kind, events),
    end() {
      if (state.version === undefined)
        return fail(state, { type: "silent", message: "the watch ended before its list was complete" });
      return settle(state, state.progress ? "none" : "backoff");
    },
    fail: (failure) => fail(state, failure),
    vanish() {
      state.synced = true;
      return moveTo(state, kind, new Map()).map(({ change }) => change);
    },
    recall(objects) {
      if (state.synced || state.objects.size > 0) return [];
      return moveTo(state, kind, objects).map(({ change }) => change);
    },
  };
}

function nextExchange<K extends string>(
  state: State,
  kind: WatchedKind<K>,
  nodeName: string,
  random: () => number,
): Exchange {
  const path = collectionPath(kind);
  const selector: Record<string, string> =
    kind.nodeField === undefined ? {} : { fieldSelector: `${kind.nodeField}=${nodeName}` };
  // Spread over half the time: a thousand nodes that began together do not come back together.
  const life = { timeoutSeconds: String(290 + Math.floor(random() * 291)) };
  const watch = { ...selector, watch: "true", allowWatchBookmarks: "true", ...life };
  if (state.version !== undefined) return { mode: "watch", path, query: { ...watch, resourceVersion: state.version } };
  if (streamsList(state)) {
    state.pending = new Map();
    const initial = { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" };
    return { mode: "watch", path, query: { ...watch, ...initial } };
  }
  const limit: Record<string, string> = state.unpaged ? {} : { limit: String(PAGE_LIMIT) };
  if (state.continueToken !== undefined)
    return { mode: "list", path, query: { ...selector, ...limit, continue: state.continueToken } };
  state.pending = new Map();
  // The very first list may come from the server's memory; later ones must not go back in time.
  const first: Record<string, string> = state.synced ? {} : { resourceVersion: "0" };
  return { mode: "list", path, query: { ...selector, ...limit, ...(state.unpaged ? {} : first) } };
}

/** Not when the server refuses, nor where one takes `sendInitialEvents` and does not heed it. */
function streamsList({ streamRefused, endlessLists }: State): boolean {
  return !streamRefused && endlessLists < ENDLESS_LISTS;
}

function receivePage<K extends string>(
  state: State,
  kind: WatchedKind<K>,
  body: unknown,
): readonly RawChange<K>[] | undefined {
  const items = readPath(body, ["items"]);
  const version = readPath(body, ["metadata", "resourceVersion"]);
  if (typeof version !== "string" || version === "") throw garbage("a list without metadata.resourceVersion");
  if (!Array.isArray(items) && items !== undefined && items !== null) throw garbage("a list whose items are no list");
  for (const item of Array.isArray(items) ? items : []) state.pending.set(requireKey(item), kind.prune(item));
  const token = readPath(body, ["metadata", "continue"]);
  state.continueToken = typeof token === "string" && token !== "" ? token : undefined;
  if (state.continueToken === undefined) return completeList(state, kind, version).map(({ change }) => change);
  noteProgress(state);
  return undefined;
}

function receiveEvents<K extends string>(state: State, kind: WatchedKind<K>, events: readonly unknown[]): Received<K> {
  const changes = new Map<string, Move<K>>();
  try {
    for (const event of events) {
      for (const { change, before } of receiveEvent(state, kind, event)) {
        const earlier = changes.get(change.key);
        changes.set(change.key, { change, before: earlier === undefined ? before : earlier.before });
      }
    }
  } catch (error) {
    if (!(error instanceof FailureSignal)) throw error;
    return { changes: wholeChanges(state, changes), failure: error.failure };
  }
  return { changes: wholeChanges(state, changes) };
}

/** What came and went again within these events is no change. */
function wholeChanges<K extends string>(
  state: State,
  moves: ReadonlyMap<string, Move<K>>,
): readonly RawChange<K>[] | undefined {
  if (state.version === undefined) return undefined;
  return [...moves.values()]
    .filter(({ change, before }) => !isEqual(before, change.object))
    .map(({ change }) => change);
}

function receiveEvent<K extends string>(state: State, kind: WatchedKind<K>, event: unknown): readonly Move<K>[] {
  if (!isRecord(event)) throw garbage("a watch event that is no object");
  const { type, object } = event;
  if (type === "ERROR") throw new FailureSignal(refusalOf(statusCode(object), object));
  const version = readPath(object, ["metadata", "resourceVersion"]);
  if (typeof version !== "string" || version === "") throw garbage(`a ${type} event without a resourceVersion`);
  if (state.version === undefined) {
    return receiveInitial(state, kind, type, object) ? completeList(state, kind, version) : [];
  }
  const change = type === "BOOKMARK" ? undefined : move(state, kind, type, object);
  state.version = version;
  state.watched = true;
  noteProgress(state);
  return change === undefined ? [] : [change];
}

/** One event of a list that streams in. True when it was the last. */
function receiveInitial<K extends string>(state: State, kind: WatchedKind<K>, type: unknown, object: unknown): boolean {
  if (type === "BOOKMARK") return readPath(object, ["metadata", "annotations", INITIAL_EVENTS_END]) === "true";
  const key = requireKey(object);
  if (isDeletion(type)) state.pending.delete(key);
  else state.pending.set(key, kind.prune(object));
  return false;
}

function move<K extends string>(
  state: State,
  kind: WatchedKind<K>,
  type: unknown,
  object: unknown,
): Move<K> | undefined {
  const key = requireKey(object);
  const before = state.objects.get(key);
  if (isDeletion(type)) {
    return state.objects.delete(key) ? { change: { kind: kind.kind, key, object: undefined }, before } : undefined;
  }
  const pruned = kind.prune(object);
  if (isEqual(before, pruned)) return undefined;
  state.objects.set(key, pruned);
  return { change: { kind: kind.kind, key, object: pruned }, before };
}

function isDeletion(type: unknown): boolean {
  if (type === "DELETED") return true;
  if (type === "ADDED" || type === "MODIFIED") return false;
  throw garbage(`a watch event of type ${JSON.stringify(type)}`);
}

function completeList<K extends string>(state: State, kind: WatchedKind<K>, version: string): readonly Move<K>[] {
  const changes = moveTo(state, kind, state.pending);
  state.pending = new Map();
  state.version = version;
  state.unpaged = false;
  state.synced = true;
  if (streamsList(state)) state.endlessLists = 0;
  state.streamRefused = false;
  state.watched = false;
  noteProgress(state);
  return changes;
}

/** Makes what is known equal to `wanted`: one difference, whatever was missed. */
function moveTo<K extends string>(
  state: State,
  kind: WatchedKind<K>,
  wanted: ReadonlyMap<string, unknown>,
): readonly Move<K>[] {
  const moves: Move<K>[] = [];
  for (const [key, before] of state.objects) {
    if (wanted.has(key)) continue;
    state.objects.delete(key);
    moves.push({ change: { kind: kind.kind, key, object: undefined }, before });
  }
  for (const [key, object] of wanted) {
    const before = state.objects.get(key);
    if (isEqual(before, object)) continue;
    state.objects.set(key, object);
    moves.push({ change: { kind: kind.kind, key, object }, before });
  }
  return moves;
}

function fail(state: State, failure: Failure): Pause {
  if (failure.type === "refused") return refuse(state, failure);
  if (failure.type === "silent" && state.version === undefined) state.endlessLists++;
  if (failure.type !== "lost") suspect(state, failure.type === "silent" ? SILENT_PATIENCE : PATIENCE);
  return settle(state, "backoff");
}

function refuse(state: State, { status, reason, retryAfter }: Failure & { type: "refused" }): Pause {
  if (status === 410 || reason === "Expired" || reason === "Gone") return expire(state);
  const isTooLarge = reason === "ResourceVersionTooLarge";
  if (!isTooLarge && state.version === undefined && streamsList(state) && STREAM_REFUSALS.includes(status)) {
    state.streamRefused = true;
    return settle(state, "none");
  }
  if (isTooLarge || status === 400 || status === 422) suspect(state, PATIENCE);
  // What was there under the path is not: whatever comes there next begins with a list.
  if (status === 404) listAnew(state);
  return settle(state, retryAfter === undefined ? "backoff" : retryAfter * 1000);
}

/** The server has forgotten the version that we resume from, or a list midway. */
function expire(state: State): Pause {
  const isUsual = state.watched || state.continueToken !== undefined;
  state.unpaged = state.continueToken !== undefined;
  listAnew(state);
  if (isUsual) return settle(state, "none");
  // Lists whose watch expires before it brought anything must not become a circle: pauses grow as if no list had come.
  state.progress = false;
  return settle(state, "backoff");
}

function suspect(state: State, patience: number): void {
  if (++state.suspicions >= patience) listAnew(state);
}

function listAnew(state: State): void {
  state.version = undefined;
  state.continueToken = undefined;
  state.watched = false;
}

function settle(state: State, wait: Pause["wait"]): Pause {
  const pause = { wait, afterProgress: state.progress };
  state.progress = false;
  return pause;
}

function noteProgress(state: State): void {
  state.progress = true;
  state.suspicions = 0;
}

function requireKey(object: unknown): string {
  const key = keyOf(object);
  if (key === undefined) throw garbage("an object without metadata.name");
  return key;
}

function statusCode(object: unknown): number {
  const code = readPath(object, ["code"]);
  return typeof code === "number" ? code : 500;
}
