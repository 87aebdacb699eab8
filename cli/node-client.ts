import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { CliError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";

/** Asks the node process that listens on the socket. What it answers has the types of http/node-view.ts. */
export interface NodeClient {
  get<T>(path: string): Promise<T>;
  /** One JSON value a line, as it comes. */
  lines<T>(path: string): AsyncGenerator<T>;
}

export function createNodeClient(socketPath: string): NodeClient {
  return {
    async get<T>(path: string): Promise<T> {
      return JSON.parse(await readAll(await open(socketPath, path)));
    },
    async *lines<T>(path: string): AsyncGenerator<T> {
      const response = await open(socketPath, path);
      let broken: unknown;
      response.on("error", (error) => {
        broken = error;
      });
      try {
        for await (const line of createInterface({ input: response })) {
          const value: T = JSON.parse(line);
          yield value;
        }
      } catch (error) {
        broken ??= error;
      }
      if (broken !== undefined || !response.complete) {
        throw new CliError(EXIT.unreachable, `the node process stopped in the middle of its answer`, broken);
      }
    },
  };
}

async function open(socketPath: string, path: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, resolve);
    outgoing.on("error", (error) => reject(new CliError(EXIT.unreachable, unreachable(socketPath, error))));
    outgoing.end();
  });
  if (response.statusCode === 200) return response;
  const text = await readAll(response);
  throw new CliError(response.statusCode === 400 ? EXIT.usage : EXIT.wrong, errorMessage(text) ?? text);
}

function unreachable(socketPath: string, error: Error & { code?: string }): string {
  const hint =
    error.code === "EACCES"
      ? "only root may open it"
      : "weir-node does not run here, or its configuration names another control.socket (--socket, WEIR_CONTROL_SOCKET)";
  return `no answer on ${socketPath} (${error.code ?? error.message}): ${hint}`;
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) text += chunk;
  return text;
}

function errorMessage(text: string): string | undefined {
  try {
    const body: { error?: { message?: string } } = JSON.parse(text);
    return body.error?.message;
  } catch {
    return undefined;
  }
}
