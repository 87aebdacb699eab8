import { FailureSignal, refusalOf } from "./failure.ts";
import { collectionPath, isRecord, readPath, type WatchedKind } from "./kinds.ts";
import type { KubeRequest } from "./kube-request.ts";
import { PAGE_LIMIT } from "./protocol.ts";

/**
 * All objects of a kind, page by page, as the API server has them; undefined when it does not know the kind. Throws a
 * FailureSignal when it says no.
 */
export async function listAll(
  request: KubeRequest,
  kind: Pick<WatchedKind, "apiVersion" | "plural">,
): Promise<readonly unknown[] | undefined> {
  const objects: unknown[] = [];
  let token = "";
  do {
    const query = new URLSearchParams({ limit: String(PAGE_LIMIT), ...(token !== "" && { continue: token }) });
    const { status, body } = await request("GET", `${collectionPath(kind)}?${query}`);
    if (status === 404) return undefined;
    const items = readPath(body, ["items"]);
    if (status !== 200 || !isRecord(body)) throw new FailureSignal(refusalOf(status, body));
    objects.push(...(Array.isArray(items) ? items : []));
    token = String(readPath(body, ["metadata", "continue"]) ?? "");
  } while (token !== "");
  return objects;
}
