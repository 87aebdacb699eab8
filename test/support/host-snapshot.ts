import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NodeRig } from "#test/support/node-rig.ts";

/** All of a node that Weir could touch, as text that is equal when nothing of it has changed. */
export type HostSnapshot = Readonly<Record<string, string>>;

/** What the node process was given and writes by order of the rig. */
const OF_THE_RIG = new Set(["weir.yaml", "weir.log", "ovs"]);
const TABLES = {
  Open_vSwitch: "external_ids,other_config",
  Bridge: "name,external_ids,other_config,fail_mode,datapath_type,protocols,controller,flow_tables",
  Port: "name,external_ids,other_config,tag",
  Interface: "name,type,options,external_ids,mtu_request,ofport_request,mac",
  Flow_Table: "name",
};

export async function takeSnapshot(rig: NodeRig): Promise<HostSnapshot> {
  const node = (...argv: string[]) => rig.inNode(...argv);
  const parts: Record<string, Promise<string>> = {
    links: node("ip", "-j", "-d", "link").then(describeLinks),
    addresses: node("ip", "-o", "address").then((text) => tidy(text.replaceAll(/^\d+: /gm, ""))),
    routes: node("ip", "route", "show", "table", "all").then(tidy),
    routes6: node("ip", "-6", "route", "show", "table", "all").then(tidy),
    rules: node("ip", "rule").then(tidy),
    rules6: node("ip", "-6", "rule").then(tidy),
    neighbours: node("ip", "neighbour", "show", "nud", "permanent").then(tidy),
    nftables: node("nft", "list", "ruleset").then((text) =>
      text
        .split(/^(?=table )/m)
        .sort()
        .join(""),
    ),
    sysctls: node("sysctl", "-a", "-r", "^net\\.(ipv4|ipv6|netfilter|bridge)").then(tidy),
    uplinkFlows: rig.ofctlOf("br-phy", "dump-flows", "--no-stats").then(tidy),
    files: listFiles(rig.machine.directory),
  };
  for (const [table, columns] of Object.entries(TABLES))
    parts[`ovs ${table}`] = rig.vsctl(`--columns=${columns}`, "list", table).then((text) => sortParagraphs(text));
  const entries = await Promise.all(Object.entries(parts).map(async ([name, text]) => [name, await text] as const));
  return Object.fromEntries(entries);
}

/** Without what the kernel does by itself, sooner or later, and what it draws by lot. */
function tidy(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/fe80:|ff00::|stable_secret|nf_conntrack_count|^anycast/.test(line))
    .sort()
    .join("\n");
}

function describeLinks(text: string): string {
  interface Link {
    readonly ifname: string;
    readonly mtu: number;
    readonly flags: readonly string[];
    readonly linkinfo?: { readonly info_kind?: string };
  }
  const links: readonly Link[] = JSON.parse(text);
  const lines = links.map(
    ({ ifname, mtu, flags, linkinfo }) => `${ifname} ${linkinfo?.info_kind ?? "-"} ${mtu} ${flags.includes("UP")}`,
  );
  return lines.sort().join("\n");
}

function sortParagraphs(text: string): string {
  return text.trim().split("\n\n").sort().join("\n\n");
}

async function listFiles(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (OF_THE_RIG.has(name.split("/")[0] ?? "")) return "";
    return entry.isFile() ? `${name}: ${await readFile(path, "utf8")}` : name;
  });
  return (await Promise.all(lines))
    .filter((line) => line !== "")
    .sort()
    .join("\n");
}
