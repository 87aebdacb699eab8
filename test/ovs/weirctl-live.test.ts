import assert from "node:assert/strict";
import { join } from "node:path";
import { nodeManifest, podManifest } from "#test/support/cluster.ts";
import { NodeRig, run } from "#test/support/node-rig.ts";
import { until } from "../watch/until.ts";

const WEIRCTL = join(import.meta.dirname, "../../bin/weirctl");

describe("a whole node, asked by weirctl and by its probes", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  const addresses = new Map<string, string>();

  before(async () => {
    rig = await NodeRig.create("live", { compareInterval: 1 });
    await rig.write("peers.yaml", [nodeManifest("n2", 2, [4, 6], [4, 6])]);
    await rig.start();
    for (const pod of ["web", "db"]) await plug(pod);
  });
  after(() => rig?.close());

  async function plug(pod: string): Promise<void> {
    await rig.write(`${pod}.yaml`, [podManifest(pod, "n1")]);
    await rig.addPod(pod);
    const { code, output } = await rig.cni("ADD", pod);
    assert.equal(code, 0, output);
    addresses.set(pod, JSON.parse(output).ips[0].address.replace(/\/.*/, ""));
  }
  async function shown(...argv: string[]): Promise<string> {
    const { code, out, err } = await rig.weirctl(argv);
    assert.deepEqual([code, err], [0, ""], argv.join(" "));
    return out;
  }
  const read = async (...argv: string[]) => JSON.parse(await shown(...argv, "-o", "json"));
  const metric = async (line: RegExp): Promise<number> =>
    Number(new RegExp(`^${line.source} (.+)$`, "m").exec(await rig.http("/metrics"))?.[1] ?? 0);

  it("tells how it does", async () => {
    const text = await shown("status");
    assert.match(text, /^node +n1\nready +yes\n/);
    for (const line of [/ {2}switch +ok/, /pod CIDRs +10\.10\.1\.0\/24, fd10:10:1::\/64/, /pods +2/, /peers +1/])
      assert.match(text, line);
    const status = await read("status");
    assert.equal(status.ready, true);
    assert.equal(status.flows.desired, (await rig.flows()).length);
    assert.deepEqual([status.flows.pending, status.flows.failed], [0, 0]);
  });

  it("tells its pods and its peers", async () => {
    for (const [pod, address] of addresses)
      assert.match(await shown("get", "pods", pod), new RegExp(`^default +${pod} +${address},fd10:.* ready$`, "m"));
    const pods = await read("get", "pods");
    assert.deepEqual(pods.map(({ name }: { name: string }) => name).sort(), ["db", "web"]);
    assert.match(await shown("get", "nodes"), /^n2 +172\.18\.0\.2,fd18::2 +10\.10\.2\.0\/24,fd10:10:2::\/64 +tunnel/m);
    const nodes = await read("get", "nodes");
    assert.deepEqual(
      nodes.map(({ name, path }: { name: string; path: string }) => [name, path]),
      [
        ["n1", "self"],
        ["n2", "tunnel"],
      ],
    );
  });

  it("tells what is wrong in manifests, with what would be right, and goes on with everything else", async () => {
    assert.equal((await rig.weirctl(["get", "problems"])).err, "weirctl: no problems\n");
    const broken = { ...nodeManifest("n3", 3, [4], [4]), spec: { podCIDRs: ["10.10.300.0/24"] } };
    await rig.write("broken-node.yaml", [broken]);
    await rig.write("broken-text.yaml", "kind: Pod\nmetadata: {name: half\n");
    await until(async () => (await read("get", "problems")).length >= 2);
    const text = await shown("get", "problems");
    const remedy =
      'spec\\.podCIDRs\\[0\\] .*is "10\\.10\\.300\\.0/24"; a network with room for pods, such as 10\\.0\\.1\\.0/24';
    assert.match(text, new RegExp(`^Node n3 +${remedy}`, "m"));
    assert.match(text, /broken-text\.yaml/);
    const problems: { object: string; field: string; message: string }[] = await read("get", "problems");
    assert.ok(problems.every(({ object, message }) => object !== "" && message !== ""));
    assert.ok(problems.some(({ object, field }) => object === "Node n3" && field === "spec.podCIDRs[0]"));
    assert.match(await rig.http("/metrics"), /^weir_problems\{source="[a-z]+"\} [1-9]/m);
    assert.match(await rig.http("/readyz"), /^200 ok/);
    await plug("late");
    assert.equal(await rig.ping("late", addresses.get("web")!), 1);
    for (const file of ["broken-node.yaml", "broken-text.yaml"]) await rig.write(file, "");
    await until(async () => (await read("get", "problems")).length === 0);
  });

  it("shows the flows of a pod, a table or an owner, as the switch has them", async () => {
    const all: { flow: string; owners: string[]; status: string }[] = await read("flows");
    assert.equal(all.length, (await rig.flows()).length);
    assert.deepEqual(new Set(all.map(({ status }) => status)), new Set(["installed"]));
    const ofPod: typeof all = await read("flows", "--pod", "default/web");
    assert.ok(ofPod.length > 3 && ofPod.length < all.length);
    assert.ok(ofPod.every(({ owners }) => owners.some((owner) => owner.startsWith("pod default/web"))));
    for (const { flow } of await read("flows", "--table", "Route")) assert.match(flow, /table=Route/);
    assert.match(await shown("flows", "--owner", "node/n2"), /172\.18\.0\.2.*# nodes\/peer: node n2/);
    assert.match(await shown("flows", "--table", "Route"), /nw_dst=10\.10\.2\.0\/24.*# .*, \d+ packets/);
    for (const [argv, code, complaint] of [
      [["--pod", "none"], 1, /no flow matches/],
      [["--table", "Nowhere"], 2, /there is no table Nowhere; there are .*Route/],
    ] as const) {
      const outcome = await rig.weirctl(["flows", ...argv]);
      assert.equal(outcome.code, code);
      assert.match(outcome.err, complaint);
    }
  });

  it("explains traffic by the policies in force, and counts the packets of the rule that decides", async () => {
    const fromWeb = { podSelector: { matchLabels: { "weir.dev/test": "none" } } };
    const spec = { podSelector: {}, ingress: [{ from: [fromWeb] }, { ports: [{ protocol: "TCP", port: 80 }] }, {}] };
    const metadata = { name: "last", namespace: "default" };
    await rig.write("policy.yaml", [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec }]);
    const explained = () => read("explain", "default/web", addresses.get("db")!, "--live");
    await until(async () => (await explained())[0].by.length > 0);
    const all: { ports: string[]; by: unknown; flows: { flow: string; packets: number }[] }[] = await explained();
    const packets = (ports: string) => all.find((one) => one.ports.join() === ports)?.flows.map((one) => one.packets);
    assert.deepEqual(
      all.map(({ ports, by }) => [ports, by]),
      [
        [["80/TCP"], [{ direction: "ingress", policy: "default/last", rule: 1 }]],
        [["other"], [{ direction: "ingress", policy: "default/last", rule: 2 }]],
      ],
    );
    assert.ok(packets("80/TCP")?.every((count) => count === 0));
    assert.equal(await rig.ping("web", addresses.get("db")!), 1);
    const later: typeof all = await explained();
    assert.ok(later.find(({ ports }) => ports.join() === "other")!.flows.some((one) => one.packets > 0));
    const text = await shown("explain", "web", "db", "--live");
    assert.match(
      text,
      /ingress of default\/db: allowed by default\/last ingress\[2\]: from everybody, at every port\n {2}flow: /,
    );
    await rig.write("policy.yaml", "");
    await until(async () => (await explained())[0].by.length === 0);
  });

  it("explains each flow of a dump that is piped in", async () => {
    const { controlSocket } = rig.paths;
    const dump = `ovs-ofctl -O OpenFlow15 --names dump-flows unix:${rig.machine.ovsDirectory}/br-weir.mgmt`;
    const { code, output } = await run(["sh", "-c", `${dump} | ${WEIRCTL} annotate --socket ${controlSocket}`]);
    assert.equal(code, 0, output);
    const lines = output.split("\n").filter((line) => line.includes("actions="));
    assert.equal(lines.length, (await rig.flows()).length);
    for (const line of lines) assert.match(line, / {2}# [a-z]+\/[a-z-]+: /);
    assert.ok(lines.some((line) => line.includes(addresses.get("web")!) && line.includes("pod default/web")));
    const json = await run(["sh", "-c", `${dump} | ${WEIRCTL} annotate -o json --socket ${controlSocket}`]);
    const entries: { line: string; owners?: string[] }[] = JSON.parse(json.output);
    assert.equal(entries.filter(({ owners }) => (owners?.length ?? 0) > 0).length, lines.length);
  });

  it("counts its flows, its pods, and what somebody has changed in the switch", async () => {
    assert.equal(await metric(/weir_flows\{state="installed"\}/), (await rig.flows()).length);
    assert.equal(await metric(/weir_pods/), 3);
    assert.equal(await metric(/weir_peers/), 1);
    assert.equal(await metric(/weir_cni_operations_total\{command="ADD",code="0"\}/), 3);
    assert.equal(await metric(/weir_drift_repairs_total\{target="switch"\}/), 0);
    const before = await rig.flows();
    await rig.ofctl("del-flows", "table=70");
    await rig.ofctl("add-flow", "table=70,priority=7,ip,nw_dst=9.9.9.9,actions=drop");
    await until(async () => (await metric(/weir_drift_repairs_total\{target="switch"\}/)) > 1);
    await until(async () => (await rig.flows()).length === before.length);
    assert.deepEqual(await rig.flows(), before);
    assert.equal(await rig.ping("web", addresses.get("db")!), 1);
  });

  it("lives, and is not ready, while ovs-vswitchd or ovsdb-server is away; counts that they came back", async () => {
    const reconnects = () =>
      Promise.all(
        [/ovsdb/, /switch/].map(({ source }) => metric(new RegExp(`weir_reconnects_total\\{peer="${source}"\\}`))),
      );
    assert.deepEqual(await reconnects(), [0, 0]);
    assert.match(await rig.http("/readyz"), /^200 ok/);
    await rig.killDaemon("vswitchd");
    await until(async () => (await rig.http("/readyz")).startsWith("503"));
    assert.match(await rig.http("/readyz"), /^\[-\]switch failed: .+/m);
    assert.match(await rig.http("/livez"), /^200 ok/);
    assert.equal((await rig.weirctl(["status"])).code, 1);
    assert.equal(await metric(/weir_connected\{peer="switch"\}/), 0);
    await rig.startDaemon("vswitchd");
    await until(async () => (await rig.http("/readyz")).startsWith("200"));
    assert.deepEqual(await reconnects(), [0, 1]);

    await rig.killDaemon("ovsdb");
    await until(async () => (await rig.http("/readyz")).startsWith("503"));
    assert.match(await rig.http("/readyz?verbose"), /^\[-\]ovsdb failed: there is no connection.*\n.*\n\[\+\]/m);
    assert.match(await rig.http("/livez"), /^200 ok/);
    await rig.startDaemon("ovsdb");
    await until(async () => (await rig.http("/readyz")).startsWith("200"));
    assert.equal((await reconnects())[0], 1);
    assert.equal(await rig.ping("web", addresses.get("db")!), 1);
  });

  it("is not ready before its source is complete, and says so", async () => {
    await rig.stop();
    await rig.hideManifests();
    await rig.spawn();
    await until(async () => (await rig.http("/livez")).startsWith("200"));
    const answer = await rig.http("/readyz");
    assert.match(answer, /^503/);
    assert.match(answer, /\[-\]intent failed: .*manifests/);
    assert.equal((await rig.weirctl(["status"])).code, 1);
    await rig.showManifests();
    await until(async () => (await rig.http("/readyz")).startsWith("200"));
    assert.equal(await rig.ping("web", addresses.get("db")!), 1);
  });

  it("that is away is missed with exit code 3 and a word on what to look at", async () => {
    await rig.stop();
    for (const argv of [["status"], ["get", "pods"], ["get", "nodes"], ["get", "problems"], ["flows"]]) {
      const { code, out, err } = await rig.weirctl(argv);
      assert.deepEqual([code, out], [3, ""], argv.join(" "));
      assert.match(err, /no answer on .*control\.sock .*weir-node does not run here/);
    }
    const dump = await rig.ofctl("dump-flows");
    const { code, out, err } = await rig.weirctl(["annotate"], dump);
    assert.equal(code, 3);
    assert.match(err, /reasons are told without owners/);
    assert.match(out, /actions=.* {2}# pods\/[a-z-]+/);
    assert.equal((await run([WEIRCTL, "status", "--socket", rig.paths.controlSocket])).code, 3);
  });
});
