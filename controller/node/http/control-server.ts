import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Listening } from "#controller/process/listening.ts";
import { closeServer, isServed, whenListening } from "#controller/process/listening.ts";
import {
  createListener,
  json,
  jsonLines,
  jsonLinesAsTheyCome,
  type Reply,
  RequestError,
} from "#controller/process/router.ts";
import { readQuestion } from "#pipeline/explain/ask.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import type { DenialFilter, FlowFilter, GroupFilter, NodeView } from "./node-view.ts";

export interface ControlServerOptions {
  readonly socket: string;
  readonly view: NodeView;
  readonly log: Log;
}

export class SocketInUseError extends WeirError {
  constructor(socket: string) {
    super("E_SOCKET_IN_USE", `${socket} is served by another process; one weir-node runs on a node`, { socket });
  }
}

/** Serves the node's view to weirctl on a unix socket that only root may open. */
export async function startControlServer({ socket, view, log }: ControlServerOptions): Promise<Listening> {
  const server = createServer(
    createListener(
      {
        "/v1/status": () => json(view.status()),
        "/v1/pods": () => json([...view.pods()]),
        "/v1/nodes": () => json([...view.nodes()]),
        "/v1/problems": () => json([...view.problems()]),
        "/v1/flows": async (query) => jsonLines(await view.flows(readFilter(query))),
        "/v1/groups": async (query) => jsonLines(await view.groups(readOwner(query))),
        "/v1/services": async (query) => jsonLines(await view.services(readName(query, "services"))),
        "/v1/owners": () => jsonLines(view.owners()),
        "/v1/policies": async (query) => jsonLines(await view.policies(readName(query, "policies"))),
        "/v1/denials": (query, signal) =>
          records(query, "denials", view.denials, (filter) => view.watchDenials(filter, signal)),
        "/v1/connections": (query, signal) =>
          records(query, "connections", view.connections, (filter) => view.watchConnections(filter, signal)),
        "/v1/explain": (query) => explain(view, query),
      },
      log,
    ),
  );
  await mkdir(dirname(socket), { recursive: true });
  if (await isServed(socket)) throw new SocketInUseError(socket);
  await rm(socket, { force: true });
  await whenListening(server, () => {
    // The socket is bound within listen(), so no other code runs under this mask.
    const before = process.umask(0o177);
    server.listen(socket);
    process.umask(before);
  });
  return { address: socket, close: () => closeServer(server) };
}

function explain(view: NodeView, query: URLSearchParams): Reply {
  const from = query.get("from");
  const to = query.get("to");
  if (from === null || to === null) throw new RequestError(400, "explain takes from and to");
  const question = readQuestion(from, to);
  if ("refusal" in question) throw new RequestError(400, question.refusal);
  const answer = view.explain(question);
  if ("refusal" in answer) throw new RequestError(404, answer.refusal);
  return json("services" in answer ? answer.services : answer.explanations);
}

/** Those that are known; or, to watch, those that come. */
function records<T>(
  query: URLSearchParams,
  what: string,
  known: (filter: DenialFilter) => Iterable<T>,
  watch: (filter: DenialFilter) => AsyncIterable<T>,
): Reply {
  allowOnly(query, what, "pod", "watch");
  const pod = readPod(query);
  const filter = pod === null ? {} : { pod };
  return query.has("watch") ? jsonLinesAsTheyCome(watch(filter)) : jsonLines(known(filter));
}

function readName(query: URLSearchParams, what: string): string | undefined {
  allowOnly(query, what, "name");
  return query.get("name") ?? undefined;
}

function readOwner(query: URLSearchParams): GroupFilter {
  allowOnly(query, "groups", "owner");
  const owner = query.get("owner");
  return owner === null ? {} : { owner };
}

function readPod(query: URLSearchParams): string | null {
  const pod = query.get("pod");
  if (pod !== null && !/^[^/]+\/[^/]+$/.test(pod)) throw new RequestError(400, `pod ${pod} is not NAMESPACE/NAME`);
  return pod;
}

function allowOnly(query: URLSearchParams, what: string, ...known: readonly string[]): void {
  for (const key of query.keys())
    if (!known.includes(key)) throw new RequestError(400, `${what} takes ${known.join(", ")}, not ${key}`);
}

function readFilter(query: URLSearchParams): FlowFilter {
  allowOnly(query, "flows", "pod", "table", "owner");
  const pod = readPod(query);
  const owner = query.get("owner");
  const table = query.get("table");
  return {
    ...(pod === null ? {} : { pod }),
    ...(owner === null ? {} : { owner }),
    ...(table === null ? {} : { table: readTable(table) }),
  };
}

function readTable(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 254) return Number(text);
  const found = Object.entries(TABLES).find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (found === undefined) {
    const tables = Object.entries(TABLES).map(([name, { id }]) => `${name} (${id})`);
    throw new RequestError(400, `there is no table ${text}; there are ${tables.join(", ")}`);
  }
  return found[1].id;
}
