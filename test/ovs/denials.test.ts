import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DenialRecord, PolicyReport } from "#controller/node/http/node-view.ts";
import { NodeRig } from "#test/support/node-rig.ts";
import { until } from "../watch/until.ts";

const WEIRCTL = join(import.meta.dirname, "../../bin/weirctl");
const FLOOD = 1500;
/** What the configuration has when it says nothing. */
const SAMPLES_PER_SECOND = 100;

type Family = 4 | 6;

function pod(name: string): object {
  const spec = { nodeName: "n1", containers: [{ name: "main", image: "none" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: { app: name } }, spec };
}

function policy(name: string, generation: number, spec: object): object {
  const metadata = { name, namespace: "default", uid: `uid-${name}`, generation };
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
}

const to = (app: string) => ({ podSelector: { matchLabels: { app } } });

describe("what policies deny on a whole node", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  const addresses = new Map<string, Readonly<Record<Family, string>>>();

  before(async () => {
    rig = await NodeRig.create("denials");
    await rig.write("policies.yaml", [
      policy("db", 3, { ...to("db"), ingress: [{ from: [to("web")] }, { from: [to("idle")] }] }),
    ]);
    await rig.start();
    for (const name of ["web", "db", "other"]) {
      await rig.write(`${name}.yaml`, [pod(name)]);
      await rig.addPod(name);
      const { code, output } = await rig.cni("ADD", name);
      assert.equal(code, 0, output);
      const [v4, v6] = JSON.parse(output).ips.map(({ address }: { address: string }) => address.replace(/\/.*/, ""));
      addresses.set(name, { 4: v4, 6: v6 });
    }
    await until(async () => (await report("db"))?.state === "realised");
  });
  after(() => rig?.close());

  const read = async (...argv: string[]) => JSON.parse((await rig.weirctl([...argv, "-o", "json"])).out || "[]");
  const denials = (...argv: string[]): Promise<DenialRecord[]> => read("get", "denials", ...argv);
  const report = async (name: string): Promise<PolicyReport> => (await read("get", "policies", name))[0];
  const address = (name: string, family: Family = 4): string => addresses.get(name)?.[family] ?? "";
  /** One datagram, from a port of the system's choice. */
  const datagram = (from: string, to: string, port: number, family: Family = 4) =>
    rig.inPod(from, "bash", "-c", `echo -n x > /dev/udp/${address(to, family)}/${port}`);
  async function metric(line: string): Promise<number> {
    const text = await rig.http("/metrics");
    const at = text.split("\n").find((one) => one.startsWith(`${line} `));
    return Number(at?.slice(line.length) ?? 0);
  }

  for (const family of [4, 6] as const)
    it(`is told with names, ports and the policy that isolates, in IPv${family}`, async () => {
      const port = 7000 + family;
      await datagram("other", "db", port, family);
      await until(async () => (await denials()).some(({ destinationPort }) => destinationPort === port));
      const found = (await denials()).filter(({ destinationPort }) => destinationPort === port);
      const [{ time, sourcePort, ...denial }] = found as [DenialRecord];
      assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000 && (sourcePort ?? 0) > 1023);
      assert.deepEqual(denial, {
        ...{ direction: "ingress", reason: "isolation", connection: "new", pod: "default/db" },
        ...{ podAddress: address("db", family), peer: "pod default/other", peerAddress: address("other", family) },
        ...{ protocol: "UDP", destinationPort: port, policies: ["default/db"] },
      });
      const log = await readFile(rig.paths.log, "utf8");
      const line = log.split("\n").find((one) => one.includes(`"destinationPort":${port}`));
      const { level, message, peer } = JSON.parse(line ?? "{}");
      assert.deepEqual([level, message, peer], ["info", "a policy denied a packet", "pod default/other"]);
    });

  it("is counted by policy and direction, and listed for either side", async () => {
    const told = await metric('weir_denials_total{told="yes"}');
    const ofPolicy = await metric('weir_policy_denials_total{policy="default/db",direction="ingress"}');
    await datagram("other", "db", 7100);
    await until(async () => (await metric('weir_denials_total{told="yes"}')) === told + 1);
    assert.equal(await metric('weir_policy_denials_total{policy="default/db",direction="ingress"}'), ofPolicy + 1);
    for (const name of ["db", "other"]) {
      const { out } = await rig.weirctl(["get", "denials", "--pod", name]);
      assert.match(
        out,
        /ingress +default\/db +pod default\/other \(10\.10\.1\.\d+\) +7100\/UDP +new +isolated by default\/db,/,
      );
    }
    assert.deepEqual(await denials("--pod", "web"), []);
    assert.match((await rig.weirctl(["status"])).out, /^denials +\d+ told .*, 0 beyond the limit$/m);
  });

  it("is shown as it happens", async () => {
    const child = spawn(WEIRCTL, ["get", "denials", "-w", "-o", "json", "--socket", rig.paths.controlSocket]);
    const lines = createInterface({ input: child.stdout });
    const shown: DenialRecord[] = [];
    lines.on("line", (line) => shown.push(JSON.parse(line)));
    await until(async () => {
      await datagram("other", "db", 7200);
      return shown.length > 0;
    });
    assert.deepEqual([shown[0]?.pod, shown[0]?.destinationPort], ["default/db", 7200]);
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill();
    await ended;
    lines.close();
  });

  it("goes up in hits where it is let through, and not in rules that nothing meets", async () => {
    const before = await report("db");
    assert.deepEqual([before.state, before.generation, before.pods], ["realised", 3, ["default/db"]]);
    assert.ok(Date.parse(before.since ?? "") <= Date.now());
    assert.equal(await rig.ping("web", address("db"), 20), 20);
    await until(async () => (await report("db")).packets >= before.packets + 20);
    const { rules, denied, lastDenied, lastHit } = await report("db");
    assert.deepEqual(
      rules.map(({ rule }) => rule),
      [
        "from pods app=web of namespace default, at every port",
        "from pods app=idle of namespace default, at every port",
      ],
    );
    assert.deepEqual([rules[0]?.packets, rules[0]?.lastHit], [before.packets + 20, lastHit]);
    assert.deepEqual([rules[1]?.packets, rules[1]?.lastHit], [0, undefined]);
    assert.ok(Date.parse(rules[1]?.since ?? "") < Date.now());
    assert.ok(denied >= 3 && Date.parse(lastDenied ?? "") <= Date.now());
    assert.match(
      (await rig.weirctl(["get", "policies"])).out,
      /^NetworkPolicy +default\/db +1 +ingress +2 +realised +2\S+ +\d+ +2\S+ +\d+ +ingress\[1\] +0$/m,
    );
    assert.match(
      (await rig.weirctl(["get", "policies", "db"])).out,
      /^ingress\[1\] +accept from pods app=idle .*: never hit since /m,
    );
  });

  it("is told up to the meter's rate when there is a flood, and the rest is counted", async () => {
    const sums = () => Promise.all(["yes", "no"].map((told) => metric(`weir_denials_total{told="${told}"}`)));
    const [toldBefore = 0, untoldBefore = 0] = await sums();
    const started = performance.now();
    const target = `/dev/udp/${address("db")}/7250`;
    await rig.inPod(
      "other",
      "bash",
      "-c",
      `exec 3>${target}; for ((i = 0; i < ${FLOOD}; i++)); do echo -n x >&3; done`,
    );
    await until(async () => {
      const [told = 0, untold = 0] = await sums();
      return told + untold === toldBefore + untoldBefore + FLOOD;
    });
    const seconds = (performance.now() - started) / 1000;
    const [told = 0, untold = 0] = await sums();
    // A bucket that was full, and what has come since.
    assert.ok(told - toldBefore <= SAMPLES_PER_SECOND * (seconds + 1), `${told - toldBefore} in ${seconds} s`);
    assert.ok(told > toldBefore && untold > untoldBefore);
  });

  it("is told once of a connection that is cut", async () => {
    const before = (await report("db")).packets;
    const pings = rig.ping("web", address("db"), 300);
    await until(async () => (await report("db")).packets > before);
    await rig.write("policies.yaml", [policy("db", 4, { ...to("db"), ingress: [] })]);
    await until(async () => (await denials()).some(({ connection }) => connection === "cut"));
    assert.ok((await pings) < 300);
    const cut = (await denials()).filter(({ connection }) => connection === "cut");
    assert.deepEqual(
      cut.map(({ pod, peer, protocol, icmpType }) => [pod, peer, protocol, icmpType]),
      [["default/db", "pod default/web", "ICMP", 8]],
    );
    await until(async () => (await report("db")).state === "realised");
    const { generation, rules, since } = await report("db");
    assert.deepEqual([generation, rules], [4, []]);
    assert.ok(since !== undefined);
  });

  it("stays as it was over a restart: nothing is modified, what was counted is known, and more is told", async () => {
    const meters = await rig.ofctl("dump-meters");
    assert.match(meters, /meter=1 pktps burst stats bands=\s*type=drop rate=100 burst_size=100/);
    const { denied } = await report("db");
    assert.ok(denied > FLOOD);
    await rig.stop();
    await datagram("other", "db", 7300);
    await rig.start();
    assert.equal(await metric('weir_modifications_total{target="switch"}'), 0);
    assert.equal(await rig.ofctl("dump-meters"), meters);
    assert.deepEqual(await denials(), [], "nobody was there to be told");
    await until(async () => (await report("db")).denied > denied);
    await datagram("other", "db", 7400);
    await until(async () => (await denials()).some(({ destinationPort }) => destinationPort === 7400));
  });
});
