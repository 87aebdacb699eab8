import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeRig } from "#test/support/node-rig.ts";
import { createRandom } from "#test/support/random.ts";
import { until } from "../watch/until.ts";

const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
/** Room for 29 pods in IPv4. */
const POD_CIDRS = ["10.10.1.0/27", "fd10:10:1::/64"];

interface Result {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway: string; readonly interface: number }[];
  readonly routes: readonly { readonly dst: string; readonly gw: string }[];
}

/** Which keys each version's result may have, CNI specification, "Success result". */
const KEYS = {
  "0.3.0": { interface: ["mac", "name", "sandbox"], ip: ["address", "gateway", "interface", "version"] },
  "0.4.0": { interface: ["mac", "name", "sandbox"], ip: ["address", "gateway", "interface", "version"] },
  "1.0.0": { interface: ["mac", "name", "sandbox"], ip: ["address", "gateway", "interface"] },
  "1.1.0": { interface: ["mac", "mtu", "name", "sandbox"], ip: ["address", "gateway", "interface"] },
} as const;

describe("pods plugged into a whole node", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  let emptyFlows: readonly string[];

  before(async () => {
    rig = await NodeRig.create("plug", { podCidrs: POD_CIDRS });
    await rig.start();
    emptyFlows = await rig.flows();
  });
  after(() => rig?.close());

  async function add(pod: string, config: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    const { code, output } = await rig.cni("ADD", pod, config);
    assert.equal(code, 0, output);
    return JSON.parse(output);
  }
  async function failure(answer: ReturnType<NodeRig["cni"]>): Promise<string> {
    const { code, output } = await answer;
    assert.equal(code, 1, output);
    const { code: number, msg, details = "" } = JSON.parse(output);
    return `${number} ${msg}: ${details}`;
  }
  async function remove(...pods: readonly string[]): Promise<void> {
    const answers = await Promise.all(pods.map((pod) => rig.cni("DEL", pod)));
    for (const { code, output } of answers) assert.equal(code, 0, output);
    await Promise.all(pods.map((pod) => rig.removePod(pod)));
  }
  async function isAsBefore(): Promise<void> {
    assert.deepEqual(await rig.traces(), { rows: [], links: [] });
    await until(async () => (await rig.flows()).length === emptyFlows.length);
    assert.deepEqual(await rig.flows(), emptyFlows);
  }
  const addressesOf = ({ ips }: Result) => ips.map(({ address }) => address.replace(/\/.*/, ""));

  for (const [version, keys] of Object.entries(KEYS))
    it(`answers a configuration of version ${version} with a result of that version, which says what is so`, async () => {
      await rig.addPod("v");
      const result = await add("v", { cniVersion: version });
      assert.deepEqual(Object.keys(result).sort(), ["cniVersion", "dns", "interfaces", "ips", "routes"]);
      assert.equal(result.cniVersion, version);
      const inside = result.interfaces[1];
      assert.deepEqual(Object.keys(Object(inside)).sort(), keys.interface);
      for (const ip of result.ips) {
        assert.deepEqual(Object.keys(ip).sort(), keys.ip);
        assert.equal(result.interfaces[ip.interface], inside);
      }
      const [link] = JSON.parse(await rig.inPod("v", "ip", "-j", "address", "show", "dev", "eth0"));
      assert.equal(link.address, inside?.mac);
      const held = link.addr_info.filter(({ scope }: { scope: string }) => scope === "global");
      assert.deepEqual(
        result.ips.map(({ address }) => address),
        held.map((entry: { local: string; prefixlen: number }) => `${entry.local}/${entry.prefixlen}`),
      );
      for (const { dst, gw } of result.routes) {
        const family = dst.includes(":") ? "-6" : "-4";
        assert.match(await rig.inPod("v", "ip", family, "route", "show", "default"), new RegExp(`via ${gw} dev eth0`));
      }
      assert.equal((await rig.cni("CHECK", "v", { cniVersion: "0.4.0", prevResult: result })).code, 0);
      await remove("v");
      await isAsBefore();
    });

  it("have every flow in the switch at the moment ADD returns; a second ADD changes nothing", async () => {
    await Promise.all(["a", "b"].map((pod) => rig.addPod(pod)));
    const results = [await add("a"), await add("b")];
    const flows = await rig.flows();
    const { out } = await rig.weirctl(["flows", "--pod", "default/a", "-o", "json"]);
    const wanted: { flow: string; status: string }[] = JSON.parse(out);
    assert.deepEqual(new Set(wanted.map(({ status }) => status)), new Set(["installed"]));
    for (const address of results.flatMap(addressesOf)) assert.ok(flows.some((flow) => flow.includes(address)));
    assert.equal(await rig.ping("a", addressesOf(results[1]!)[0]!, 1), 1);
    assert.deepEqual(await add("a"), results[0]);
    assert.deepEqual(await rig.flows(), flows);
    await remove("a", "b");
    await isAsBefore();
  });

  it("thirty at once fill the podCIDR of twenty-nine: one is told so, and is plugged in when another has gone", async () => {
    const pods = Array.from({ length: 30 }, (_, i) => `m${i}`);
    await Promise.all(pods.map((pod) => rig.addPod(pod)));
    const answers = await Promise.all(pods.map((pod) => rig.cni("ADD", pod)));
    const refused = pods.filter((_, i) => answers[i]!.code !== 0);
    assert.equal(refused.length, 1, answers.map(({ output }) => output).join("\n"));
    const [late = ""] = refused;
    assert.match(
      await failure(rig.cni("ADD", late)),
      /^11 no IP address is free: .*10\.10\.1\.0\/27: 29 of 29 are in use/,
    );
    const addresses = answers.flatMap(({ code, output }) => (code === 0 ? addressesOf(JSON.parse(output)) : []));
    assert.equal(new Set(addresses).size, 58);
    const [gone = "", stays = ""] = pods.filter((pod) => pod !== late);
    await remove(gone);
    const [address = ""] = addressesOf(await add(late));
    assert.equal(await rig.ping(stays, address), 1);
    await remove(...pods.filter((pod) => pod !== gone));
    await isAsBefore();
  });

  it("are removed by DEL, known or not, a second time, and with their namespace gone", async () => {
    await rig.addPod("d");
    await add("d");
    assert.equal((await rig.cni("DEL", "never")).code, 0);
    assert.equal((await rig.cni("DEL", "d", {}, { CNI_NETNS: "" })).code, 0);
    assert.equal((await rig.cni("DEL", "d")).code, 0);
    await isAsBefore();
    await add("d");
    await rig.removePod("d");
    assert.equal((await rig.cni("DEL", "d")).code, 0);
    await isAsBefore();
  });

  it("pass CHECK until somebody tampers with them, and a repeated ADD mends it", async () => {
    await rig.addPod("c");
    const prevResult = await add("c");
    const check = () => rig.cni("CHECK", "c", { prevResult });
    assert.equal((await check()).code, 0);
    const [v4 = ""] = addressesOf(prevResult);
    await rig.inPod("c", "ip", "address", "del", `${v4}/32`, "dev", "eth0");
    assert.match(await failure(check()), new RegExp(`^101 .*eth0 lacks the address ${v4}`));
    const { rows } = await rig.traces();
    await rig.vsctl("del-port", "br-weir", rows[0]!);
    await until(async () => (await failure(check())).startsWith("3 "));
    const again = await add("c");
    assert.equal((await rig.cni("CHECK", "c", { prevResult: again })).code, 0);
    assert.equal(await rig.ping("c", "10.10.1.1"), 1);
    await remove("c");
    await isAsBefore();
  });

  it("are collected by GC with their flows, unless their attachment is valid", async () => {
    await Promise.all(["keep", "drop"].map((pod) => rig.addPod(pod)));
    const kept = await add("keep");
    const flows = await rig.flows();
    await add("drop");
    const valid = { "cni.dev/valid-attachments": [{ containerID: "container-keep", ifname: "eth0" }] };
    assert.equal((await rig.cni("GC", "x", valid)).code, 0);
    await until(async () => (await rig.flows()).length === flows.length);
    assert.deepEqual(await rig.flows(), flows);
    assert.equal((await rig.cni("CHECK", "keep", { prevResult: kept })).code, 0);
    assert.equal((await rig.inPod("drop", "ip", "-o", "link")).trim().split("\n").length, 1);
    await remove("keep", "drop");
    await isAsBefore();
  });

  it("need no object of the API: a pod that nobody knows is plugged in and named as the runtime says", async () => {
    await rig.addPod("unknown");
    const [address = ""] = addressesOf(await add("unknown"));
    const { out } = await rig.weirctl(["get", "pods", "-o", "json"]);
    const [{ namespace, name, ips, state }] = JSON.parse(out);
    assert.deepEqual([namespace, name, ips[0], state], ["default", "unknown", address, "ready"]);
    assert.equal(await rig.ping("unknown", "10.10.1.1"), 1);
    await remove("unknown");
    await isAsBefore();
  });

  it("cannot be plugged while a part of the node is away, and STATUS says which", async () => {
    assert.deepEqual(await rig.cni("STATUS", "x"), { code: 0, output: "" });
    await rig.killDaemon("ovsdb");
    await until(async () => (await rig.cni("STATUS", "x")).code !== 0);
    assert.match(await failure(rig.cni("STATUS", "x")), /^50 there is no connection to Open vSwitch's database/);
    await rig.startDaemon("ovsdb");
    await until(async () => (await rig.cni("STATUS", "x")).code === 0);
    await rig.killDaemon("vswitchd");
    await until(async () => (await rig.cni("STATUS", "x")).code !== 0);
    assert.match(await failure(rig.cni("STATUS", "x")), /^50 .*switch/);
    await rig.startDaemon("vswitchd");
    await until(async () => (await rig.cni("STATUS", "x")).code === 0);
    await rig.stop();
    for (const command of ["STATUS", "ADD", "DEL"])
      assert.match(await failure(rig.cni(command, "x")), /^11 the Weir node process is not there; try again later/);
    await rig.start();
    assert.equal((await rig.cni("STATUS", "x")).code, 0);
    await isAsBefore();
  });

  it(`are plugged by a repeated ADD after the node was killed amid the first, at any moment (SEED=${SEED})`, async () => {
    const random = createRandom(SEED);
    const pods = Array.from({ length: 6 }, (_, i) => `k${i}`);
    for (let round = 0; round < 6; round++) {
      await Promise.all(pods.map((pod) => rig.addPod(pod)));
      const first = pods.map((pod) => rig.cni("ADD", pod));
      await sleep(random() * 50);
      await rig.stop("SIGKILL");
      for (const { code, output } of await Promise.all(first))
        assert.ok(code === 0 || JSON.parse(output).code === 11, output);
      await rig.start();
      const results = await Promise.all(pods.map((pod) => add(pod)));
      assert.equal(new Set(results.flatMap(addressesOf)).size, 2 * pods.length);
      assert.equal((await rig.traces()).rows.length, pods.length);
      assert.equal(await rig.ping(pods[0]!, addressesOf(results[1]!)[0]!), 1);
      await remove(...pods);
      await isAsBefore();
    }
  });
});
