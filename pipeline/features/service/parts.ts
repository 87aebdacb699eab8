import { countParts, MOST_BUCKETS, partKey } from "../../model/service-groups.ts";
import { type Bucketed, LARGEST_ID } from "./groups.ts";

/** The group of endpoints that share connections, and those into which they are divided where they are many. */
export interface Shares {
  readonly groupId: number;
  /** One that is the group itself, or some that it chooses from. */
  readonly parts: readonly Part[];
  /** Endpoints that do not fit: of each other it is hardly ever any. */
  readonly left: number;
}

interface Part {
  readonly number: number;
  readonly groupId: number;
  readonly endpoints: readonly Bucketed[];
}

/**
 * Each part has the endpoints of a range of numbers, and an equal share of the connections. An endpoint that comes or goes is a
 * change of its part alone. Undefined where a number for a group is missing.
 */
export function divide(
  key: string,
  endpoints: readonly Bucketed[],
  groupIdOf: (key: string) => number | undefined,
): Shares | undefined {
  const groupId = groupIdOf(key);
  if (groupId === undefined) return undefined;
  const count = countParts(endpoints.length);
  if (count === 0) return { groupId, parts: [{ number: 0, groupId, endpoints }], left: 0 };
  const ranges = Array.from({ length: count }, (): Bucketed[] => []);
  for (const endpoint of endpoints) ranges[Math.floor((endpoint.id / (LARGEST_ID + 1)) * count)]!.push(endpoint);
  const parts: Part[] = [];
  let left = 0;
  for (const [number, range] of ranges.entries()) {
    const partId = groupIdOf(partKey(key, number));
    if (partId === undefined) return undefined;
    left += Math.max(range.length - MOST_BUCKETS, 0);
    if (range.length > 0) parts.push({ number, groupId: partId, endpoints: range.slice(0, MOST_BUCKETS) });
  }
  return { groupId, parts, left };
}
