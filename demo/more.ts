import type { Lab } from "./lab.ts";
import type { DemoOptions } from "./options.ts";

/** Commands that can be pasted into another shell as they stand. */
export function describeMore(lab: Lab, { directory }: DemoOptions): string {
  const lines = ["To see more, in another shell, in this folder:", ""];
  for (const [name, { weir, fabricNode }] of lab.nodes) {
    const socket = weir.paths.controlSocket;
    const bridge = `unix:${fabricNode.ovsDirectory}/br-weir.mgmt`;
    lines.push(
      `  ${name}:`,
      `    npx weirctl status --socket ${socket}`,
      `    npx weirctl flows --socket ${socket}`,
      `    ovs-ofctl -O OpenFlow15 dump-flows ${bridge}`,
      `    ovs-vsctl --db=unix:${fabricNode.ovsDirectory}/db.sock show`,
      `    tail -f ${weir.paths.log}`,
    );
  }
  const pod = [...lab.pods.values()][0];
  if (pod !== undefined)
    lines.push(`  inside a pod (${pod.endpoint.label}):`, `    ip netns exec ${pod.endpoint.netns} bash`);
  lines.push(
    "",
    `Edit, add or delete a manifest in ${directory} and watch it arrive here. Ctrl-C removes everything.`,
    "",
  );
  return lines.join("\n");
}
