import { ConnectionError } from "./errors.ts";
import type { Message } from "./messages/message.ts";

/**
 * Puts the parts of a multipart reply together. Returns what takes each message with its size in bytes, and says whether it
 * was the last one; `settle` gets the whole: a list where parts are lists, else the one part.
 */
export function collectParts(
  kind: string,
  limit: number,
  settle: (whole: unknown) => void,
  fail: (error: Error) => void,
): (reply: Message, size: number) => boolean {
  const items: unknown[] = [];
  let total = 0;
  const refuse = (why: string): true => {
    fail(new ConnectionError(`the reply to ${kind} ${why}`));
    return true;
  };
  return (reply, size) => {
    total += size;
    if (total > limit) return refuse(`has more than ${limit} bytes`);
    if (reply.type !== "multipart_reply") return refuse(`is ${reply.type}`);
    if (reply.kind !== kind) return refuse(`is of ${reply.kind}`);
    const { body, more } = reply;
    if (!Array.isArray(body)) {
      if (!more) settle(body);
      return !more;
    }
    for (const item of body) items.push(item);
    if (!more) settle(items);
    return !more;
  };
}
