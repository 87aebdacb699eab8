import { isEqual } from "#base/equal.ts";
import { CommandError, isListed, run } from "../system/commands.ts";
import { elementCommands } from "./element-commands.ts";
import { NFT_FAMILIES, NFT_TABLE, type NftFamily, type NftObject } from "./nft-words.ts";

/** Our tables in the kernel. */
export interface NftTables {
  /**
   * Writes what differs from the last time, when that is elements of sets alone; else the tables that differ from what the kernel
   * holds, in one transaction. Returns how many tables did.
   */
  apply(wanted: (family: NftFamily) => readonly NftObject[]): Promise<number>;
}

/**
 * What differs is found by comparing what the kernel holds, object by object: a hash or a comment would say what was once
 * written, not what is there. `wantedTable` speaks as nft prints; should another version of nft print otherwise, what it
 * prints right after the writing counts as equal from then on, for otherwise each look would write the table anew.
 */
export function createNftTables(): NftTables {
  const printed = new Map<NftFamily, { readonly wanted: readonly NftObject[]; readonly found: readonly NftObject[] }>();

  /** What was last found or written, and wanted then. */
  const settled = new Map<NftFamily, readonly NftObject[]>();

  /** Without looking, for looking costs as much as there is. Undefined: there is more to be done, or it could not be done. */
  async function applyElements(wantedOf: (family: NftFamily) => readonly NftObject[]): Promise<number | undefined> {
    const changes = NFT_FAMILIES.map((family) => {
      const [before, wanted] = [settled.get(family), wantedOf(family)];
      return { family, wanted, commands: before && elementCommands(before, wanted) };
    });
    const commands = changes.map((change) => change.commands);
    const all = commands.flatMap((some) => some ?? []);
    if (commands.includes(undefined) || all.length === 0) return undefined;
    try {
      await runTransaction(JSON.stringify({ nftables: all }));
    } catch {
      // Somebody has been at the table: it is looked at.
      return undefined;
    }
    for (const { family, wanted } of changes) settled.set(family, wanted);
    return commands.filter((some) => some !== undefined && some.length > 0).length;
  }

  async function applyTables(wantedOf: (family: NftFamily) => readonly NftObject[]): Promise<number> {
    settled.clear();
    const tables = await Promise.all(
      NFT_FAMILIES.map(async (family) => ({ family, wanted: wantedOf(family), found: await readTable(family) })),
    );
    const differing = tables.filter(({ family, wanted, found }) => !isAsWanted(family, wanted, found));
    if (differing.length > 0) await runTransaction(replacement(differing));
    for (const { family, wanted } of differing) printed.set(family, { wanted, found: await readTable(family) });
    for (const { family, wanted } of tables) settled.set(family, wanted);
    return differing.length;
  }

  function isAsWanted(family: NftFamily, wanted: readonly NftObject[], found: readonly NftObject[]): boolean {
    if (isEqual(found, normalize(wanted))) return true;
    const known = printed.get(family);
    return known !== undefined && isEqual(known.wanted, wanted) && isEqual(known.found, found);
  }

  return {
    apply: async (wantedOf) => (await applyElements(wantedOf)) ?? applyTables(wantedOf),
  };
}

/** Removes our tables; none there is no error. */
export async function removeNftTables(): Promise<void> {
  await runTransaction(replacement(NFT_FAMILIES.map((family) => ({ family, wanted: [] }))));
}

/** Node's pipes are sockets, and nft opens /dev/stdin by name, which cannot be done with a socket: cat makes a pipe of it. */
async function runTransaction(commands: string): Promise<void> {
  await run("sh", ["-c", "cat | nft -j -f -"], commands);
}

async function readTable(family: NftFamily): Promise<NftObject[]> {
  try {
    return normalize(readObjects(await run("nft", ["-j", "list", "table", family, NFT_TABLE])));
  } catch (error) {
    if (error instanceof CommandError && error.complaint.includes("No such file or directory")) return [];
    throw error;
  }
}

function readObjects(text: string): NftObject[] {
  const output: unknown = JSON.parse(text);
  const list = isListed(output) && Array.isArray(output["nftables"]) ? output["nftables"] : [];
  return list.filter((entry): entry is NftObject => isListed(entry) && Object.values(entry).every(isListed));
}

/** One transaction: nobody sees a moment without a table. To delete one, it has to be there. */
export function replacement(
  tables: readonly { readonly family: NftFamily; readonly wanted: readonly NftObject[] }[],
): string {
  const commands = tables.flatMap(({ family, wanted }) => {
    const table = { table: { family, name: NFT_TABLE } };
    return [{ add: table }, { delete: table }, ...wanted.map((object) => ({ add: object }))];
  });
  return JSON.stringify({ nftables: commands });
}

/** Without what the kernel gives out, and in a fixed order; rules stay in that of their chain. */
export function normalize(objects: readonly NftObject[]): NftObject[] {
  const normal = objects.filter((object) => !("metainfo" in object)).map(normalizeObject);
  return normal.toSorted((a, b) => compareTexts(placeOf(a), placeOf(b)));
}

function placeOf(object: NftObject): string {
  const [kind, fields] = Object.entries(object)[0] ?? [];
  return `${kind} ${fields?.["chain"] ?? fields?.["name"]}`;
}

function normalizeObject(object: NftObject): NftObject {
  return Object.fromEntries(
    Object.entries(object).map(([kind, { handle: _, ...fields }]) => {
      const elements = fields["elem"];
      const elem = Array.isArray(elements) ? elements.toSorted(byText) : [];
      return [kind, elem.length === 0 ? withoutElements(fields) : { ...fields, elem }];
    }),
  );
}

function withoutElements({ elem: _, ...fields }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return fields;
}

function byText(a: unknown, b: unknown): number {
  return compareTexts(JSON.stringify(a), JSON.stringify(b));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
