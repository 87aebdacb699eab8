import { familyOf, formatIp, type Ip } from "#base/address.ts";
import type { Unchosen } from "../model/endpoints.ts";

/** Why an endpoint gets no connections. */
export const WHY: Readonly<Record<Unchosen, string>> = {
  elsewhere: "it is on another node, and clients here are for endpoints of this one",
  "not ready": "it is not ready",
  going: "it is going, and others are ready",
  "for others": "it is meant for clients of other zones or nodes, and others are meant for those here",
  "listed twice": "it is listed before",
};

/** "10.10.1.5:8080", "[fd00::5]:8080". */
export function formatPlace(ip: Ip, port: number): string {
  return familyOf(ip) === 4 ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`;
}
