import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatMac, type Mac, parseIp } from "#base/address.ts";
import { type NeighbourProgram, startNeighbourProgram } from "#controller/node/announce/neighbour-program.ts";
import { openRawSocket, type RawSocket } from "../rig/raw-socket.ts";
import { arp, BROADCAST, ETHER, ethernet, ip, neighbour } from "../support/frames.ts";
import { question } from "../support/neighbour-prober.ts";
import { until } from "../watch/until.ts";

const exec = promisify(execFile);
const PROGRAM = join(import.meta.dirname, "../../dist/weir-announce");
const NODE = "weir-t-neighbours-node";
const CLIENT = "weir-t-neighbours-client";
const NODE_MAC = 0x02_18_00_00_00_01 as Mac;
const CLIENT_MAC = 0x02_18_00_00_00_02 as Mac;
const client = { mac: CLIENT_MAC, addresses: { 4: parseIp("172.18.0.200")!, 6: parseIp("fd18::200")! } };
const LONG = 60_000;

const inside = async (netns: string, ...argv: string[]): Promise<string> =>
  (await exec("ip", ["netns", "exec", netns, ...argv])).stdout;

async function removeNamespaces(): Promise<void> {
  for (const netns of [NODE, CLIENT]) await exec("ip", ["netns", "del", netns]).catch(() => {});
}

describe("weir-announce", () => {
  let directory: string;
  let wire: RawSocket;
  let program: NeighbourProgram;
  let heard: { hellos: string[]; claims: string[]; failures: string[]; ends: string[] };

  before(async () => {
    await removeNamespaces();
    directory = await mkdtemp(join(tmpdir(), "weir-t-neighbours-"));
    const inNode = join(directory, "weir-announce");
    await writeFile(inNode, `#!/bin/sh\nexec ip netns exec ${NODE} ${PROGRAM} "$@"\n`);
    await chmod(inNode, 0o755);
    for (const netns of [NODE, CLIENT]) await exec("ip", ["netns", "add", netns]);
    await exec("ip", ["-n", NODE, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", CLIENT]);
    await exec("ip", ["-n", NODE, "link", "set", "eth0", "address", formatMac(NODE_MAC), "up"]);
    await exec("ip", ["-n", CLIENT, "link", "set", "eth0", "address", formatMac(CLIENT_MAC), "up"]);
    await exec("ip", ["-n", CLIENT, "address", "add", "172.18.0.200/24", "dev", "eth0"]);
    await exec("ip", ["-n", CLIENT, "address", "add", "fd18::200/64", "dev", "eth0", "nodad"]);
    wire = await openRawSocket(CLIENT);
  });
  beforeEach(() => start(LONG));
  afterEach(() => program.close());
  after(async () => {
    await wire?.close();
    await removeNamespaces();
    await rm(directory, { recursive: true, force: true });
  });

  function start(patience: number): void {
    heard = { hellos: [], claims: [], failures: [], ends: [] };
    const now = heard;
    program = startNeighbourProgram(join(directory, "weir-announce"), patience, {
      onHello: (link, mac, hex) => now.hellos.push(`${link} ${mac} ${hex}`),
      onClaim: (link, mac, address) => now.claims.push(`${link} ${mac} ${address}`),
      onFailure: (message) => now.failures.push(message),
      onEnd: (reason) => now.ends.push(reason),
    });
  }
  /** All orders before it have been carried out. */
  async function settled(): Promise<void> {
    program.order("no", "such", "order");
    await until(() => heard.failures.some((failure) => failure.endsWith("no such order")));
    heard.failures = heard.failures.filter((failure) => !failure.endsWith("no such order"));
  }
  /** Asks until somebody answers for the last of them; who has been asked for before has had their answer by then. */
  async function answered(...addresses: readonly string[]): Promise<readonly string[]> {
    wire.clear();
    const answers = (address: string) => wire.heard.some((frame) => isAnswer(frame, address));
    for (const address of addresses) wire.send(question(client, parseIp(address)!));
    await until(() => answers(addresses.at(-1)!));
    return addresses.filter(answers);
  }
  function isAnswer(frame: Buffer, address: string): boolean {
    const bytes = Buffer.from(formatBytes(address), "hex");
    if (frame.readUInt16BE(12) === ETHER.arp) return frame[21] === 2 && frame.subarray(28, 32).equals(bytes);
    return frame[54] === 136 && frame.subarray(62, 78).equals(bytes);
  }
  const formatBytes = (address: string): string => {
    const value = parseIp(address)!;
    return value.toString(16).padStart(typeof value === "number" ? 8 : 32, "0");
  };

  it("answers the kernel of a neighbour, in both families, for what it was told and nothing else", async () => {
    program.order("open", "eth0");
    for (const address of ["172.18.0.100", "fd18::100"]) program.order("add", "eth0", address);
    await settled();
    for (const address of ["172.18.0.100", "fd18::100", "172.18.0.101", "fd18::101"]) {
      // Nobody answers the ping itself; the question before it is what counts.
      await inside(CLIENT, "ping", "-c1", "-W0.3", address).catch(() => {});
      const [found] = JSON.parse(await inside(CLIENT, "ip", "-j", "neighbour", "show", address));
      assert.equal(found?.lladdr, /10[01]$/.exec(address)?.[0] === "100" ? formatMac(NODE_MAC) : undefined, address);
    }
    program.order("remove", "eth0", "172.18.0.100");
    program.order("add", "eth0", "172.18.0.102");
    await settled();
    assert.deepEqual(await answered("172.18.0.100", "172.18.0.102"), ["172.18.0.102"]);
    program.order("close", "eth0");
    program.order("open", "eth0");
    program.order("add", "eth0", "fd18::102");
    await settled();
    assert.deepEqual(await answered("172.18.0.102", "fd18::102"), ["fd18::102"]);
    assert.deepEqual([heard.failures, heard.ends], [[], []]);
  });

  it("is of the group of an IPv6 address, as long as one address of the group is left", async () => {
    const groups = async (): Promise<string> => inside(NODE, "ip", "maddress", "show", "dev", "eth0");
    program.order("open", "eth0");
    for (const address of ["fd18::12:3456", "fd19::12:3456"]) program.order("add", "eth0", address);
    await settled();
    assert.match(await groups(), /ff02::1:ff12:3456/);
    program.order("remove", "eth0", "fd18::12:3456");
    await settled();
    assert.match(await groups(), /ff02::1:ff12:3456/);
    program.order("remove", "eth0", "fd19::12:3456");
    await settled();
    assert.doesNotMatch(await groups(), /ff02::1:ff12:3456/);
    assert.deepEqual(heard.failures, []);
  });

  it("makes neighbours believe a new owner at once", async () => {
    for (const address of ["172.18.0.110", "fd18::110"]) {
      await exec("ip", [
        "-n",
        CLIENT,
        "neighbour",
        "replace",
        address,
        "lladdr",
        "02:18:00:00:00:99",
        "dev",
        "eth0",
        "nud",
        "reachable",
      ]);
      program.order("open", "eth0");
      program.order("add", "eth0", address);
      program.order("announce", "eth0", address);
      await until(async () => (await inside(CLIENT, "ip", "neighbour", "show", address)).includes(formatMac(NODE_MAC)));
    }
  });

  it("defends an IPv6 address against who looks for duplicates", async () => {
    program.order("open", "eth0");
    program.order("add", "eth0", "fd18::120");
    await settled();
    await exec("ip", ["-n", CLIENT, "address", "add", "fd18::120/64", "dev", "eth0"]);
    await until(async () => (await inside(CLIENT, "ip", "address", "show", "dev", "eth0")).includes("dadfailed"));
    await exec("ip", ["-n", CLIENT, "address", "del", "fd18::120/64", "dev", "eth0"]);
  });

  it("answers nobody when no orders come any more, and again when they do", async () => {
    program.close();
    start(300);
    program.order("open", "eth0");
    program.order("add", "eth0", "172.18.0.100");
    await settled();
    const ask = () => wire.send(question(client, parseIp("172.18.0.100")!));
    let asked = 0;
    await until(() => {
      // Asked again and again: for silence there is no other sign than that the questions go unanswered.
      if (++asked % 10 === 0) {
        wire.clear();
        ask();
      }
      return asked > 120 && !wire.heard.some((frame) => isAnswer(frame, "172.18.0.100"));
    });
    await settled();
    assert.deepEqual(await answered("172.18.0.100"), ["172.18.0.100"]);
  });

  it("carries hellos, and tells of claims by others, of each address once a second", async () => {
    program.order("open", "eth0");
    for (const address of ["172.18.0.100", "fd18::100"]) program.order("add", "eth0", address);
    program.order("hello", "eth0", "00ff10");
    const hello = await wire.hear((frame) => frame.readUInt16BE(12) === 0x88b5);
    assert.equal(hello.toString("hex"), `ffffffffffff02180000000188b5000300ff10`);
    wire.send(ethernet(BROADCAST, CLIENT_MAC, 0x88b5, Buffer.from("0002abcd0000", "hex")));
    const rival = parseIp("172.18.0.100")!;
    const rival6 = parseIp("fd18::100")!;
    const all = parseIp("ff02::1")!;
    for (let i = 0; i < 3; i++) {
      wire.send(ethernet(BROADCAST, CLIENT_MAC, ETHER.arp, arp(1, CLIENT_MAC, rival, 0 as Mac, rival)));
      const advert = ip({
        source: rival6,
        destination: all,
        protocol: 58,
        payload: neighbour(136, rival6, all, rival6, CLIENT_MAC),
      });
      wire.send(ethernet(0x33_33_00_00_00_01 as Mac, CLIENT_MAC, ETHER.ipv6, advert));
    }
    await until(() => heard.claims.length >= 2 && heard.hellos.length > 0);
    assert.deepEqual(heard.hellos, [`eth0 ${formatMac(CLIENT_MAC)} abcd`]);
    const expected = ["172.18.0.100", "fd18::100"].map((address) => `eth0 ${formatMac(CLIENT_MAC)} ${address}`);
    assert.deepEqual([...heard.claims].sort(), expected);
  });

  it("tells who asks for others under an address that it answers for", async () => {
    program.order("open", "eth0");
    for (const address of ["172.18.0.100", "fd18::100"]) program.order("add", "eth0", address);
    await settled();
    const rival = { mac: CLIENT_MAC, addresses: { 4: parseIp("172.18.0.100")!, 6: parseIp("fd18::100")! } };
    for (const address of ["172.18.0.1", "fd18::1"]) wire.send(question(rival, parseIp(address)!));
    await until(() => heard.claims.length === 2);
    const expected = ["172.18.0.100", "fd18::100"].map((address) => `eth0 ${formatMac(CLIENT_MAC)} ${address}`);
    assert.deepEqual([...heard.claims].sort(), expected);
  });

  it("lives through whatever comes on the link, and tells of orders that cannot be done", async () => {
    program.order("open", "eth0");
    program.order("add", "eth0", "172.18.0.100");
    await settled();
    const whole = [question(client, parseIp("172.18.0.100")!), question(client, parseIp("fd18::100")!)];
    const hello = ethernet(BROADCAST, CLIENT_MAC, 0x88b5, Buffer.from("ffff", "hex"));
    for (const frame of [...whole, hello, Buffer.concat([hello, Buffer.alloc(1400)])])
      for (let length = 15; length <= frame.length; length += 3) wire.send(frame.subarray(0, length));
    const orders = [
      "open nowhere",
      "add eth1 172.18.0.1",
      "add eth0 x",
      "hello eth0 0g",
      "announce eth0",
      "dance",
      "add eth0 ::1 ::2",
    ];
    for (const order of orders) program.order(...order.split(" "));
    await settled();
    assert.deepEqual(
      heard.failures.map((failure) => failure.replace(/^failed .*?: /, "")),
      orders,
    );
    assert.deepEqual(await answered("172.18.0.100"), ["172.18.0.100"]);
    assert.deepEqual(heard.ends, []);
  });

  it("holds thousands of addresses, and is told so in one go", async () => {
    program.order("open", "eth0");
    const many = Array.from({ length: 4000 }, (_, i) => `172.19.${i >> 8}.${i & 255}`);
    for (const address of many) program.order("add", "eth0", address);
    await settled();
    assert.deepEqual(await answered(many[0]!, many[1999]!, many.at(-1)!), [many[0], many[1999], many.at(-1)]);
    assert.deepEqual(heard.failures, []);
  });

  it("says when it has ended by itself", async () => {
    const missing = startNeighbourProgram("/nowhere/weir-announce", LONG, {
      ...{ onHello() {}, onClaim() {}, onFailure() {} },
      onEnd: (reason) => heard.ends.push(reason),
    });
    await until(() => heard.ends.length === 1);
    missing.order("open", "eth0");
    assert.match(heard.ends[0]!, /ENOENT/);
  });
});
