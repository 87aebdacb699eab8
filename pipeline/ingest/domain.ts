import { type Ip, parseIp } from "#base/address.ts";
import type { Domain } from "../model/domain.ts";
import type { Reader } from "./reader.ts";

/** From what the node process has learnt of a name, which is its key. */
export function readDomain(reader: Reader, key: string): Domain {
  const read = (field: string): readonly Ip[] =>
    reader
      .list(field)
      .map((text, i) => reader.parsed(`${field}[${i}]`, text, parseIp, "an IP address"))
      .filter((ip) => ip !== undefined);
  return { name: key, addresses: read("addresses"), lapsed: read("lapsed") };
}
