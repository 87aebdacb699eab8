import { join } from "node:path";
import { formatIp, isIpv4 } from "#base/address.ts";
import type { Fabric, FabricNode } from "../demo/fabric.ts";
import { readIntent } from "../demo/manifests.ts";
import { startWeirNode, type WeirNode } from "../demo/weir-node.ts";
import { command } from "./command.ts";
import { EXAMPLES } from "./lab.ts";

const ROOT = join(import.meta.dirname, "..");
export const BUNDLE = join(ROOT, "dist", "weir-node.mjs");

/** The node process as in the image: one bundled program. */
export async function buildBundle(): Promise<void> {
  await command([process.execPath, join(ROOT, "scripts", "bundle.ts"), "weir-node"]);
}

/** The example's node alpha: a namespace with Open vSwitch, and nothing of Weir yet. */
export async function addAlpha(fabric: Fabric): Promise<FabricNode> {
  const { nodes } = await readIntent(EXAMPLES);
  const addresses = nodes.get("alpha")?.addresses ?? [];
  const v4 = addresses.find(isIpv4);
  const v6 = addresses.find((ip) => !isIpv4(ip));
  return fabric.addNode("alpha", {
    ...(v4 !== undefined && { 4: formatIp(v4) }),
    ...(v6 !== undefined && { 6: formatIp(v6) }),
  });
}

export function startBundle({ netns, directory, ovsDirectory }: FabricNode): Promise<WeirNode> {
  const source = { manifests: EXAMPLES };
  return startWeirNode({ name: "alpha", netns, directory, ovsDirectory, source, program: BUNDLE });
}
