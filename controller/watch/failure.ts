import { isRecord, readPath } from "./kinds.ts";

/** Why an exchange with the API server came to nothing. */
export type Failure =
  /** The server said no: by an HTTP status, or by an ERROR event within a watch. */
  | {
      readonly type: "refused";
      readonly status: number;
      readonly reason: string;
      readonly message: string;
      readonly retryAfter: number | undefined;
    }
  /** What came is not what the protocol allows. */
  | { readonly type: "garbage"; readonly message: string }
  /** The stream was open and nothing came for too long, or it ended before the first list was complete. */
  | { readonly type: "silent"; readonly message: string }
  /** No connection, or it broke. */
  | { readonly type: "lost"; readonly message: string };

/** Carries a failure through promises. */
export class FailureSignal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function garbage(message: string): FailureSignal {
  return new FailureSignal({ type: "garbage", message });
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [401, "; the token or certificate has expired or is another cluster's"],
  [403, "; the ClusterRoles in deploy/weir.yaml have the rules that are needed"],
]);

/** A refusal out of a Status object; `retryAfter` in seconds, from the header or from the object. */
export function refusalOf(status: number, body: unknown, retryAfterHeader?: string): Failure {
  const reason = readPath(body, ["reason"]);
  const message = readPath(body, ["message"]);
  const seconds = Number(retryAfterHeader ?? readPath(body, ["details", "retryAfterSeconds"]));
  return {
    type: "refused",
    status,
    reason: isTooLarge(body) ? "ResourceVersionTooLarge" : typeof reason === "string" ? reason : "",
    message: `${status} ${typeof message === "string" ? message : "without a reason"}${HINTS.get(status) ?? ""}`,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  };
}

/** The server knows no version as late as ours: it lags behind another one, or etcd was restored from a backup. */
function isTooLarge(body: unknown): boolean {
  const causes = readPath(body, ["details", "causes"]);
  if (Array.isArray(causes) && causes.some((cause) => isRecord(cause) && cause["reason"] === "ResourceVersionTooLarge"))
    return true;
  const message = readPath(body, ["message"]);
  return typeof message === "string" && message.includes("Too large resource version");
}
