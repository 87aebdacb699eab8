import { connect, type Socket } from "node:net";

/** One connection to a daemon's control socket, over which ovs-appctl's commands cost a tenth of a millisecond instead of three. */
export interface Unixctl {
  /** What ovs-appctl would print; rejects with what it would complain of. */
  call(command: string, ...words: readonly string[]): Promise<string>;
  close(): void;
}

export async function openUnixctl(path: string): Promise<Unixctl> {
  const socket: Socket = await new Promise((resolve, reject) => {
    const opened = connect(path, () => resolve(opened)).once("error", reject);
  });
  socket.setEncoding("utf8");
  let text = "";
  let answer = Promise.withResolvers<string>();
  socket.on("data", (chunk: string) => {
    text += chunk;
    // One answer at a time, in one object: it is whole when it can be read.
    if (!text.trimEnd().endsWith("}")) return;
    const reply = parse(text);
    if (reply === undefined) return;
    text = "";
    if (typeof reply.result === "string") answer.resolve(reply.result);
    else answer.reject(new Error(reply.error ?? "no result"));
  });
  socket.on("error", (error) => answer.reject(error));
  return {
    call(method, ...params) {
      answer = Promise.withResolvers();
      socket.write(JSON.stringify({ id: 0, method, params }));
      return answer.promise;
    },
    close: () => void socket.destroy(),
  };
}

function parse(text: string): { readonly result?: string | null; readonly error?: string | null } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
