/** One call to the API server. Rejects only when there is no answer; a refusal is an answer. */
export type KubeRequest = (
  method: "GET" | "POST" | "PUT" | "PATCH",
  path: string,
  body?: unknown,
  contentType?: string,
) => Promise<KubeResponse>;

export interface KubeResponse {
  readonly status: number;
  /** Parsed JSON; undefined if there was none. */
  readonly body: unknown;
}

export const STRATEGIC_MERGE = "application/strategic-merge-patch+json";
/** RFC 7386: a list is replaced as a whole, and null takes a field away. */
export const MERGE_PATCH = "application/merge-patch+json";
/** Server-side apply: the fields that are sent are ours, all others stay. */
export const APPLY = "application/apply-patch+yaml";

export function isSuccess(response: KubeResponse): boolean {
  return response.status >= 200 && response.status < 300;
}

/** Whether the same call may go better later: the server is busy, starting or broken. */
export function isTransient(response: KubeResponse): boolean {
  return response.status === 429 || response.status >= 500;
}

/** "403 pods is forbidden ..." from a Status object. */
export function describeRefusal({ status, body }: KubeResponse): string {
  const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : "";
  return `${status} ${message}`.trim();
}
