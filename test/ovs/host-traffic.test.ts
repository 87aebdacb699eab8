import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { HostRig, type HostSettings } from "./host-rig.ts";

const STATE = {
  gatewayAddresses: ["10.10.1.1/24", "fd10:1::1/64"],
  routes: [],
  localPodCidrs: ["10.10.1.0/24", "fd10:1::/64"],
  podCidrs: ["10.10.1.0/24", "10.10.2.0/24", "fd10:1::/64"],
  nodeAddresses: ["172.18.0.5", "172.18.0.9", "fd18::5", "fd18::9"],
};
const SETTINGS: HostSettings = { datapath: "netdev", encapsulation: "always", masquerade: true, mtu: 1450 };

/** Answers each datagram, from the address that it was sent to, with the address that it came from. */
const ECHO = `
const addresses = process.argv.slice(1);
let waiting = addresses.length;
for (const address of addresses) {
  const socket = require("node:dgram").createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (_, from) => socket.send(from.address, from.port, from.address));
  socket.bind(7777, address, () => --waiting === 0 && console.log("ready"));
}`;

/** Prints the answer, or "silence". */
const ASK = `
const [address, port] = process.argv.slice(1);
const socket = require("node:dgram").createSocket(address.includes(":") ? "udp6" : "udp4");
const finish = (text) => { console.log(text); process.exit(); };
socket.on("message", (answer) => finish(String(answer)));
socket.on("error", (error) => finish(error.message));
socket.send("x", Number(port), address);
setTimeout(finish, 1000, "silence");`;

describe("packets through the host of a node", function () {
  this.timeout(60_000);
  let rig: HostRig;
  const servers: ChildProcess[] = [];

  beforeEach(async () => {
    rig = await HostRig.create("traffic");
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.kill();
    await rig.close();
  });

  async function apply(settings: HostSettings): Promise<void> {
    assert.equal((await rig.start(settings).ask({ do: "apply", state: STATE }))["error"], undefined);
  }

  /** The world has the address of another node, and others; it knows the way back to pods, as no real world does. */
  async function makeWorld(): Promise<void> {
    await rig.addGateway();
    const world = ["172.18.0.9", "172.18.0.254", "10.10.2.7", "fd18::9", "fd18::254"];
    for (const address of world) {
      const length = address.includes(":") ? ["/64", "nodad"] : address.startsWith("10.") ? ["/32"] : ["/24"];
      await rig.inWorld("ip", "address", "add", `${address}${length[0]}`, "dev", "eth0", ...length.slice(1));
    }
    await rig.inWorld("ip", "route", "add", "10.10.1.0/24", "via", "172.18.0.5");
    await rig.inWorld("ip", "route", "add", "fd10:1::/64", "via", "fd18::5");
    await rig.inNode("ip", "route", "add", "10.10.2.0/24", "dev", "eth0");
    await rig.inPod("ip", "address", "add", "10.10.1.7/24", "dev", "eth0");
    await rig.inPod("ip", "address", "add", "fd10:1::7/64", "dev", "eth0", "nodad");
    await rig.inPod("ip", "route", "add", "default", "via", "10.10.1.1");
    await rig.inPod("ip", "route", "add", "default", "via", "fd10:1::1");
    const echo = rig.spawnInWorld(process.execPath, "-e", ECHO, ...world);
    servers.push(echo);
    await new Promise((resolve) => echo.stdout?.once("data", resolve));
  }

  const ask = async (address: string): Promise<string> =>
    (await rig.inPod(process.execPath, "-e", ASK, address, "7777")).trim();

  it("leave the cluster with the node's address, and reach nodes and pods with the pod's own", async () => {
    await makeWorld();
    await apply(SETTINGS);
    assert.equal(await ask("172.18.0.254"), "172.18.0.5");
    assert.equal(await ask("fd18::254"), "fd18::5");
    assert.equal(await ask("172.18.0.9"), "10.10.1.7");
    assert.equal(await ask("fd18::9"), "fd10:1::7");
    assert.equal(await ask("10.10.2.7"), "10.10.1.7");
  });

  it("reach a pod at once, over IPv6 too: no search for duplicates keeps weir-gw0 from asking for it", async () => {
    await makeWorld();
    await apply(SETTINGS);
    await rig.inWorld("ping", "-c", "1", "-W", "1", "10.10.1.7");
    await rig.inWorld("ping", "-c", "1", "-W", "1", "fd10:1::7");
  });

  it("keep the pod's address everywhere without masquerade", async () => {
    await makeWorld();
    await apply({ ...SETTINGS, masquerade: false });
    assert.equal(await ask("172.18.0.254"), "10.10.1.7");
    assert.equal(await ask("fd18::254"), "fd10:1::7");
  });

  it("of the tunnel are not tracked as connections, others are", async () => {
    await makeWorld();
    await apply(SETTINGS);
    for (const port of ["6081", "6082"]) await rig.inNode(process.execPath, "-e", ASK, "172.18.0.9", port);
    const tracked = await rig.inNode("conntrack", "-L", "-p", "udp");
    assert.match(tracked, /dport=6082\b/);
    assert.doesNotMatch(tracked, /dport=6081\b/);
  });

  it("that Open vSwitch in user space has copied from a pod's interface get no answer from the kernel", async () => {
    await rig.addGateway();
    await rig.inNode("ip", "link", "delete", "port0");
    await rig.addPodInterface("weir0123456789a");
    await rig.inPod("ip", "address", "add", "10.10.1.7/32", "dev", "eth0");
    await rig.inPod("ip", "address", "add", "fd10:1::7/128", "dev", "eth0", "nodad");
    await rig.inPod("ip", "route", "add", "default", "dev", "eth0");
    await rig.inPod("ip", "-6", "route", "add", "default", "dev", "eth0");
    await rig.inNode("ip", "route", "add", "10.10.1.7", "dev", "weir0123456789a");
    await rig.inNode("ip", "-6", "route", "add", "fd10:1::7", "dev", "weir0123456789a");
    // A pod may learn the host's MAC address without asking for it.
    const [link] = JSON.parse(await rig.inNode("ip", "-j", "link", "show", "weir0123456789a"));
    await rig.inPod("ip", "neighbour", "add", "fd18::5", "lladdr", link.address, "dev", "eth0");
    const heard = async (target: string): Promise<boolean> =>
      rig.inPod("ping", "-c", "1", "-W", "1", target).then(
        () => true,
        () => false,
      );
    const known = async (target: string): Promise<boolean> =>
      (await rig.inPod("ip", "neighbour", "show", target)).includes("lladdr");
    // Without the rules it does: this is what they are for.
    assert.ok((await heard("172.18.0.5")) && (await known("172.18.0.5")));
    assert.ok(await heard("fd18::5"));
    await apply(SETTINGS);
    assert.ok(!(await heard("172.18.0.5")) && !(await heard("fd18::5")));
    await rig.inPod("ip", "neighbour", "flush", "dev", "eth0");
    await heard("172.18.0.5");
    assert.ok(!(await known("172.18.0.5")));
    // Other interfaces of that kind are as they were.
    await rig.inWorld("ip", "address", "add", "172.18.0.9/24", "dev", "eth0");
    await rig.inWorld("ping", "-c", "1", "-W", "1", "172.18.0.5");
  });
});
