import { readdir, readFile, writeFile } from "node:fs/promises";
import { WeirError } from "#base/errors.ts";
import type { FormerValues } from "./former-values.ts";

/** Key below /proc/sys, such as "net/ipv4/ip_forward", and value. Order matters: it is the order of writing. */
export type Sysctls = ReadonlyMap<string, string>;

export class SysctlError extends WeirError {}

const ROOT = "/proc/sys";
/** Switches that the kernel hands down to every interface when they are written, and to what else. */
const HANDED_DOWN: ReadonlyMap<string, { readonly folder: string; readonly also: readonly string[] }> = new Map([
  ["net/ipv4/ip_forward", { folder: "net/ipv4/conf", also: ["net/ipv4/conf/all/accept_redirects"] }],
  ["net/ipv6/conf/all/forwarding", { folder: "net/ipv6/conf", also: [] }],
]);

/** Writes what differs, each former value remembered first; returns how many did. */
export async function applySysctls(wanted: Sysctls, former: FormerValues): Promise<number> {
  let changes = 0;
  for (const [key, value] of wanted) {
    const before = await readSysctl(key);
    if (before === value) continue;
    if (before === undefined) throw missing(key, value);
    await former.remember(await withHandedDown(key, before));
    await writeSysctl(key, value);
    changes++;
  }
  return changes;
}

/** Writes the remembered values back, but for those of interfaces that are gone. */
export async function restoreSysctls(remembered: Sysctls): Promise<void> {
  for (const [key, value] of remembered) {
    const current = await readSysctl(key);
    if (current !== undefined && current !== value) await writeSysctl(key, value);
  }
}

/**
 * Writing such a switch back would hand its old value down as well: interfaces that had another one of their own are
 * remembered behind it, to be written after it.
 */
async function withHandedDown(key: string, value: string): Promise<Map<string, string>> {
  const values = new Map([[key, value]]);
  const down = HANDED_DOWN.get(key);
  if (down === undefined) return values;
  const names = (await readdir(`${ROOT}/${down.folder}`)).filter((name) => name !== "all").sort();
  const forwarding = names.map((name) => `${down.folder}/${name}/forwarding`);
  for (const other of [...forwarding, ...down.also]) {
    const own = await readSysctl(other);
    if (own !== undefined && (own !== value || down.also.includes(other))) values.set(other, own);
  }
  return values;
}

/** Undefined when the kernel has no such key, or no such interface. */
export async function readSysctl(key: string): Promise<string | undefined> {
  try {
    return (await readFile(`${ROOT}/${key}`, "utf8")).trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeSysctl(key: string, value: string): Promise<void> {
  try {
    await writeFile(`${ROOT}/${key}`, value);
  } catch (cause) {
    throw new SysctlError("E_SYSCTL", `${ROOT}/${key} cannot be set to ${value}`, { key, value }, cause);
  }
}

function missing(key: string, value: string): SysctlError {
  const cure = key.startsWith("net/ipv6/")
    ? "boot without ipv6.disable=1, or give the node IPv4 podCIDRs only"
    : "the kernel has to offer it";
  return new SysctlError("E_SYSCTL", `${ROOT}/${key} is not there and should be ${value}: ${cure}`, { key, value });
}
