/**
 * A node that does nothing but plug pods: run inside of a node's namespace as a process of its own, so that a test can kill it
 * at any step. Arguments: database, socket, podCIDRs (comma separated), and the step to die at, or "-".
 */
import { parseCidr } from "#base/address.ts";
import { silentLog } from "#base/log.ts";
import { createPodSide, Plugger, startCniServer } from "#controller/node/cni-server/index.ts";
import { createPortReplica, ensureBridge } from "#controller/node/ports/index.ts";

const [database = "", socket = "", cidrs = "", crashAt = "-"] = process.argv.slice(2);
const podCidrs = cidrs
  .split(",")
  .map(parseCidr)
  .filter((cidr) => cidr !== undefined);

const opened = new Set<string>();
const waiting = new Map<string, () => void>();

const replica = createPortReplica({
  remote: `unix:${database}`,
  log: silentLog,
  onBatch: ({ changes }) => {
    for (const { key, object } of changes) {
      if (object === undefined) opened.delete(key);
      else opened.add(key);
      if (object !== undefined) waiting.get(key)?.();
    }
  },
});
await ensureBridge(replica, { bridge: "br-weir", datapath: "netdev", encapsulation: "always", tunnel: "geneve" });
const plugger = new Plugger({
  replica,
  podSide: createPodSide({ helper: `${import.meta.dirname}/../../dist/weir-netns`, datapath: "netdev" }),
  bridge: "br-weir",
  log: silentLog,
  mtu: () => 1450,
  podCidrs: () => podCidrs,
  // Stands for the flows: the switch has opened the port.
  readiness: {
    whenInstalled: (name) =>
      new Promise((resolve) => {
        if (opened.has(name)) resolve();
        else waiting.set(name, resolve);
      }),
  },
  onStep: (step) => {
    if (step === crashAt) process.kill(process.pid, "SIGKILL");
  },
});
await startCniServer({ socket, plugger, log: silentLog });
process.stdout.write("ready\n");
