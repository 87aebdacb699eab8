import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatFlow, formatGroupEntry } from "#openflow/text/index.ts";
import type { Compiled } from "#pipeline/compile.ts";
import { GATEWAY_INTERFACE, PORTS, TUNNEL_INTERFACE } from "#pipeline/layout/ports.ts";
import type { DesiredMeter } from "#pipeline/switch-state.ts";
import { OvsRig } from "#test/rig/ovs.ts";

export const BRIDGE = "br-weir";

/** A bridge with the fixed ports and those that `compile` assumes for pods, and the way of tunnels out of the node. */
export async function startPipelineRig(name: string): Promise<OvsRig> {
  const ovs = await OvsRig.start(name);
  await ovs.vsctl(
    ...["add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev"],
    ...["--", "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev", "fail_mode=secure"],
    ...addPort(TUNNEL_INTERFACE, PORTS.tunnel, "type=geneve", "options:remote_ip=flow", "options:key=flow"),
    ...addPort(GATEWAY_INTERFACE, PORTS.gateway, "type=internal"),
    ...[10, 11, 12, 13].flatMap((number) => addPort(`pod${number}`, number, "type=internal")),
  );
  for (const address of ["172.18.0.1/24", "fd18::1/64"])
    await ovs.inside("ip", "address", "add", address, "dev", "br-phy", ...(address.includes(":") ? ["nodad"] : []));
  await ovs.inside("ip", "link", "set", "br-phy", "up");
  for (const peer of ["172.18.0.2", "fd18::2"]) await ovs.appctl("tnl/neigh/set", "br-phy", peer, "02:18:00:00:00:02");
  return ovs;
}

function addPort(name: string, number: number, ...columns: readonly string[]): readonly string[] {
  return ["--", "add-port", BRIDGE, name, "--", "set", "interface", name, ...columns, `ofport_request=${number}`];
}

/** A switch takes no flow that names a meter which is not there. */
export async function loadMeters(ovs: OvsRig, meters: Iterable<DesiredMeter>): Promise<void> {
  await ovs.ofctl("del-meters", ovs.management(BRIDGE));
  for (const { meter } of meters)
    for (const { rate, burst = 0 } of meter.bands)
      await ovs.ofctl(
        ...["add-meter", ovs.management(BRIDGE)],
        `meter=${meter.meterId},pktps,burst,stats,band=type=drop,rate=${rate},burst_size=${burst}`,
      );
}

/** As a person would, who has only the text. */
export async function loadFlows(ovs: OvsRig, compiled: Compiled): Promise<void> {
  const file = join(ovs.directory, "flows");
  await writeFile(file, compiled.flows.map(({ flow }) => `${formatFlow(flow)}\n`).join(""));
  await ovs.ofctl("del-flows", ovs.management(BRIDGE));
  const groups = join(ovs.directory, "groups");
  await writeFile(groups, compiled.groups.map(({ group }) => `${formatGroupEntry(group)}\n`).join(""));
  await ovs.ofctl("del-groups", ovs.management(BRIDGE));
  await ovs.ofctl("add-groups", ovs.management(BRIDGE), groups);
  await loadMeters(ovs, compiled.meters);
  await ovs.ofctl("add-flows", ovs.management(BRIDGE), file);
}

/** What the switch holds, in its own words. */
export async function dumpFlows(ovs: OvsRig): Promise<readonly string[]> {
  const text = await ovs.ofctl("--no-stats", "--no-names", "dump-flows", ovs.management(BRIDGE));
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("cookie="))
    .sort();
}
