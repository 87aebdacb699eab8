import { access } from "node:fs/promises";
import { type Cidr, formatIp } from "#base/address.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { OvsdbError, textOf } from "#ovsdb/index.ts";
import {
  addPodPort,
  Ipam,
  IpamError,
  type PodPort,
  type PortReplica,
  podMacOf,
  podPorts,
  portNameOf,
  removePodPorts,
} from "../ports/index.ts";
import { CniError } from "./cni-error.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { isNamespaceAbsent, type PodSide } from "./pod-side.ts";
import type { Attachment, PodCall } from "./request.ts";

export interface PluggerOptions {
  readonly replica: PortReplica;
  readonly podSide: PodSide;
  readonly bridge: string;
  readonly log: Log;
  mtu(): number;
  podCidrs(): readonly Cidr[];
  readonly readiness: { whenInstalled(portName: string, signal: AbortSignal): Promise<void> };
  /** Why no flow could reach the switch now; undefined when one could. */
  switchFault?(): string | undefined;
  /** Milliseconds that flows may take (15,000). */
  readonly installTimeout?: number;
  /** For tests: called after each step that leaves a trace, so that a crash can be put there. */
  onStep?(step: Step): void | Promise<void>;
}

export type Step = "reserved" | "plugged" | "recorded" | "installed" | "unrecorded" | "unplugged";

export interface Plugged {
  readonly port: PodPort;
  readonly cidrs: readonly Cidr[];
  readonly mtu: number;
}

/**
 * Plugs pods in and out. In this order, so that whatever a crash leaves is recognised by `recover` and by a repeated call:
 * address promised (memory), veth, row (the allocation), flows, answer; and out: row (flows go with it) and veth at once,
 * the address last of all.
 */
export class Plugger {
  readonly #options: PluggerOptions;
  readonly #ipam: Ipam;
  readonly #locks = new KeyedLock();

  constructor(options: PluggerOptions) {
    this.#options = options;
    const { replica } = options;
    this.#ipam = new Ipam(function* () {
      for (const port of podPorts(replica)) yield* port.ips;
    });
  }

  add(call: PodCall): Promise<Plugged> {
    return this.#locks.run(portNameOf(call.containerId, call.ifname), () => this.#add(call));
  }

  async delete({ containerId, ifname }: Attachment): Promise<void> {
    const name = portNameOf(containerId, ifname);
    await this.#locks.run(name, () => this.#remove(name));
  }

  async check(call: PodCall): Promise<void> {
    const port = this.#find(portNameOf(call.containerId, call.ifname));
    if (port === undefined)
      throw new CniError("unknownContainer", `${call.containerId}/${call.ifname} was never added`);
    const ips = port.ips.map(formatIp);
    if (call.previousIps !== undefined && call.previousIps.join() !== ips.join()) {
      const hint = `prevResult has ${call.previousIps.join(", ")}, the port has ${ips.join(", ")}`;
      throw new CniError("checkFailed", "the pod has other addresses than its result says", hint);
    }
    if (port.netns !== call.netns)
      throw new CniError("checkFailed", "the pod is in another namespace", `${port.netns}, not ${call.netns}`);
    const [wrong, links] = await Promise.all([this.#options.podSide.inspect(port), this.#options.podSide.list()]);
    if (wrong !== undefined) throw new CniError("checkFailed", "the pod's interface is not as it was made", wrong);
    if (!links.has(port.name)) throw new CniError("checkFailed", `the host's end ${port.name} is not there`);
  }

  /** Removes every pod's port that is not among the valid ones. */
  async collect(valid: readonly Attachment[]): Promise<void> {
    const names = new Set(valid.map(({ containerId, ifname }) => portNameOf(containerId, ifname)));
    const linked = await this.#options.podSide.list();
    const known = new Set([...linked, ...[...podPorts(this.#options.replica)].map(({ name }) => name)]);
    // One that is being worked on now is younger than the runtime's list.
    const leaving = [...known].filter((name) => !names.has(name) && !this.#locks.isHeld(name));
    await Promise.all(leaving.map((name) => this.#locks.run(name, () => this.#remove(name))));
  }

  /** CNI STATUS: throws why an ADD would fail now. */
  status(): void {
    const { replica, bridge, podCidrs, switchFault } = this.#options;
    const hint = "see the log of weir-node";
    if (!replica.connected)
      throw new CniError("unavailable", "there is no connection to Open vSwitch's database", hint);
    const names = [...replica.tables.Bridge.values()].map((row) => textOf(row, "name"));
    if (!names.includes(bridge)) throw new CniError("unavailable", `the bridge ${bridge} is not there`, hint);
    const fault = switchFault?.();
    if (fault !== undefined) throw new CniError("unavailable", fault, hint);
    if (podCidrs().length === 0) throw new CniError("unavailable", ...NO_POD_CIDR);
  }

  /** At start, before any call: completes or removes what a crash left half-made. */
  async recover(): Promise<void> {
    const { replica, podSide, log } = this.#options;
    await replica.whenSynced();
    const links = await podSide.list();
    const ports = [...podPorts(replica)];
    const rows = new Set(ports.map(({ name }) => name));
    const lost = await Promise.all(ports.map(async (port) => !links.has(port.name) || !(await exists(port.netns))));
    const leaving = [
      ...ports.filter((_, i) => lost[i]).map(({ name }) => name),
      ...[...links].filter((name) => !rows.has(name)),
    ];
    if (leaving.length > 0) log.info("removing pods' ports that are gone or half-made", { ports: leaving });
    await Promise.all(leaving.map((name) => this.#locks.run(name, () => this.#remove(name))));
  }

  async #add(call: PodCall): Promise<Plugged> {
    const name = portNameOf(call.containerId, call.ifname);
    const existing = this.#find(name);
    if (existing !== undefined) {
      const same = existing.netns === call.netns && (await this.#options.podSide.inspect(existing)) === undefined;
      if (same) return this.#finish(existing);
      await this.#remove(name);
    }
    const cidrs = this.#options.podCidrs();
    if (cidrs.length === 0) throw new CniError("tryAgain", ...NO_POD_CIDR);
    const ips = this.#reserve(cidrs);
    const { containerId, ifname, netns, pod } = call;
    const port: PodPort = { name, containerId, ifname, netns, mac: podMacOf(containerId, ifname), ips, pod };
    try {
      await this.#options.onStep?.("reserved");
      await this.#plug(port, cidrs);
      await this.#options.onStep?.("plugged");
      await this.#record(port);
      await this.#options.onStep?.("recorded");
      const plugged = await this.#finish(port);
      await this.#options.onStep?.("installed");
      return plugged;
    } catch (error) {
      await this.#remove(name).catch((reason: unknown) =>
        this.#options.log.warn("undoing a failed ADD did not succeed; DEL or the next start will", {
          port: name,
          reason: describeError(reason),
        }),
      );
      throw error;
    } finally {
      // From here on the row holds the addresses, or nothing does.
      this.#ipam.release(ips);
    }
  }

  #reserve(cidrs: readonly Cidr[]): PodPort["ips"] {
    try {
      return this.#ipam.reserve(cidrs);
    } catch (error) {
      if (error instanceof IpamError) throw new CniError("tryAgain", "no IP address is free", error.message);
      throw error;
    }
  }

  async #plug(port: PodPort, cidrs: readonly Cidr[]): Promise<void> {
    const { podSide } = this.#options;
    const mtu = this.#options.mtu();
    try {
      await podSide.plug(port, cidrs, mtu);
    } catch (first) {
      if (isNamespaceAbsent(first))
        throw new CniError("unknownContainer", `the network namespace ${port.netns} does not exist`);
      // Half of an earlier attempt may be in the way; what is wrong for good fails again and is told.
      await podSide.unplug(port.name);
      await podSide.plug(port, cidrs, mtu).catch((error: unknown) => {
        throw new CniError("failed", `the pod's interface ${port.ifname} could not be made`, describeError(error));
      });
    }
  }

  async #record(port: PodPort): Promise<void> {
    const { replica, bridge } = this.#options;
    try {
      await replica.transact(addPodPort(bridge, port));
    } catch (error) {
      if (!(error instanceof OvsdbError)) throw error;
      throw new CniError("tryAgain", "the port could not be added to Open vSwitch", error.message);
    }
  }

  /** Waits until the switch has the pod's flows. */
  async #finish(port: PodPort): Promise<Plugged> {
    const { readiness, podCidrs, mtu, installTimeout = 15_000 } = this.#options;
    const signal = AbortSignal.timeout(installTimeout);
    try {
      await readiness.whenInstalled(port.name, signal);
    } catch (error) {
      const hint = signal.aborted ? `not within ${installTimeout / 1000} s` : describeError(error);
      throw new CniError("tryAgain", `the flows of ${port.name} are not in the switch`, hint);
    }
    return { port, cidrs: podCidrs(), mtu: mtu() };
  }

  async #remove(name: string): Promise<void> {
    const { replica, podSide, bridge } = this.#options;
    const ips = this.#find(name)?.ips ?? [];
    this.#ipam.hold(ips);
    try {
      const rows = [...replica.tables.Port].filter(([, row]) => row["name"] === name).map(([id]) => id);
      const unrecorded = rows.length === 0 ? undefined : replica.transact(removePodPorts(bridge, rows));
      await Promise.all([
        unrecorded?.then(() => this.#options.onStep?.("unrecorded")),
        podSide.unplug(name).then(() => this.#options.onStep?.("unplugged")),
      ]);
    } catch (error) {
      if (!(error instanceof OvsdbError)) throw error;
      throw new CniError("tryAgain", "the port could not be removed from Open vSwitch", error.message);
    } finally {
      this.#ipam.release(ips);
    }
  }

  #find(name: string): PodPort | undefined {
    for (const port of podPorts(this.#options.replica)) if (port.name === name) return port;
    return undefined;
  }
}

const NO_POD_CIDR = [
  "this Node has no podCIDR yet",
  "run kube-controller-manager with --allocate-node-cidrs and --cluster-cidr, or set spec.podCIDRs of the Node",
] as const;

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    // Only a clear "no" is one: a pod must not lose its port because a folder could not be read.
    return !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
}
