import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ANSWER, address, alias, type DnsMessage, encodeMessage, https, TYPE } from "#test/support/dns-messages.ts";
import { type Burst, type DnsWire, openDnsWire } from "#test/support/dns-wire.ts";
import { NodeRig } from "#test/support/node-rig.ts";
import { openServiceWire, type ServiceWire } from "#test/support/service-wire.ts";
import { until } from "../watch/until.ts";

const exec = promisify(execFile);
/** The address of a service; its endpoint is a pod. */
const RESOLVER = "10.96.0.10";
const NAME_SERVER = { 4: "172.18.0.254", 6: "fd18::254" } as const;
const PORT = 443;
/** Networks of the world outside, in which every address answers. */
const ABROAD = { 4: "198.51.100", 6: "2001:db8:1:" } as const;
const at = (host: number, family: 4 | 6 = 4): string => `${ABROAD[family]}${family === 4 ? "." : ":"}${host}`;

function pod(name: string): object {
  const spec = { nodeName: "n1", containers: [{ name: "main", image: "none" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: { app: name } }, spec };
}

function clusterPolicy(name: string, priority: number, app: string, egress: readonly object[]): object {
  const pods = { namespaceSelector: {}, podSelector: { matchLabels: { app } } };
  const spec = { tier: "Admin", priority, subject: { pods }, egress };
  return { apiVersion: "policy.networking.k8s.io/v1alpha2", kind: "ClusterNetworkPolicy", metadata: { name }, spec };
}

const DNS = {
  action: "Accept",
  to: [{ networks: [`${NAME_SERVER[4]}/32`, `${NAME_SERVER[6]}/128`] }, { namespaces: {} }],
  protocols: [{ udp: { destinationPort: { number: 53 } } }, { tcp: { destinationPort: { number: 53 } } }],
};
const NAMES = {
  action: "Accept",
  to: [{ domainNames: ["Example.com.", "*.example.net", "short.example.org"] }],
  protocols: [{ tcp: { destinationPort: { number: PORT } } }],
};
const NOTHING_ELSE = { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] };

/** Three seconds, the time that an address has at least here. */
const SHORT = 3;
/** Longer than connections rest here before they are used again. */
const IDLE = 8;

describe("names by which policies allow traffic, on a whole node", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  let dns: DnsWire;
  let web: ServiceWire;

  before(async () => {
    rig = await NodeRig.create("names", { names: { minimumTtl: SHORT, idleConnections: IDLE } });
    [dns, web] = [await openDnsWire(), await openServiceWire()];
    const { netns } = rig.fabric.outside;
    await exec("ip", ["-n", netns, "route", "add", "local", `${ABROAD[4]}.0/24`, "dev", "lo"]);
    await exec("ip", ["-n", netns, "-6", "route", "add", "local", `${ABROAD[6]}:/64`, "dev", "lo"]);
    await web.serve("abroad", netns, "::", PORT);
    for (const server of Object.values(NAME_SERVER)) await dns.serve(netns, server);
    await rig.write("policies.yaml", [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } },
      clusterPolicy("names", 10, "client", [DNS, NAMES, NOTHING_ELSE]),
      clusterPolicy("other", 10, "other", [DNS, NOTHING_ELSE]),
    ]);
    await rig.start();
    for (const name of ["client", "other", "resolver"]) {
      await rig.write(`${name}.yaml`, [pod(name)]);
      await rig.addPod(name);
      const { code, output } = await rig.cni("ADD", name);
      assert.equal(code, 0, output);
      const [own = ""] = JSON.parse(output).ips.map((one: { address: string }) => one.address.replace(/\/.*/, ""));
      if (name === "resolver") await serveAsService(own);
    }
    await until(async () => (await rig.flows()).filter((flow) => flow.includes("pause)")).length === 4);
  });
  after(async () => {
    await Promise.all([dns?.close(), web?.close()]);
    await rig?.close();
  });

  async function serveAsService(endpoint: string): Promise<void> {
    await dns.serve(netns("resolver"), endpoint);
    const ports = [{ name: "dns", protocol: "UDP", port: 53 }];
    const labels = { "kubernetes.io/service-name": "resolver" };
    const metadata = { name: "resolver", namespace: "default" };
    await rig.write("service.yaml", [
      { apiVersion: "v1", kind: "Service", metadata, spec: { clusterIP: RESOLVER, clusterIPs: [RESOLVER], ports } },
      {
        ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { ...metadata, labels } },
        ...{ addressType: "IPv4", ports, endpoints: [{ addresses: [endpoint], nodeName: "n1" }] },
      },
    ]);
    await until(async () => (await rig.flows()).some((flow) => flow.includes(`nw_dst=${RESOLVER}`)));
  }

  const netns = (name: string): string => `${rig.fabric.name}-${name}`;
  /** Asks, and connects the instant the answer is there. */
  const burst = (pairs: readonly (readonly [DnsMessage, string])[], server: string = NAME_SERVER[4]): Promise<Burst> =>
    dns.askAndConnect(netns("client"), server, pairs, PORT);
  const follow = async (question: DnsMessage, ip: string, server?: string): Promise<Burst> =>
    burst([[question, ip]], server);
  const AT_ONCE: Burst = { answered: 1, connected: 1, resent: 0 };
  const connect = async (ip: string, from = "client"): Promise<string> =>
    Object.keys(await web.ask(netns(from), "tcp", ip, PORT, 1))[0] ?? "";
  async function metric(line: string): Promise<number> {
    const text = await rig.http("/metrics");
    return Number(
      text
        .split("\n")
        .find((one) => one.startsWith(`${line} `))
        ?.slice(line.length) ?? 0,
    );
  }

  it("lets the first packet through that follows an answer, and no packet to any other address", async () => {
    const message = {
      question: "example.com",
      records: [address("EXAMPLE.com", at(1)), address("example.com", at(2))],
    };
    await dns.tell(message);
    assert.equal(await connect(at(1)), "timeout");
    assert.deepEqual(await follow(message, at(1)), AT_ONCE);
    assert.deepEqual(await connect(at(2)), "abroad 172.18.0.1");
    assert.equal(await connect(at(3)), "timeout");
    assert.deepEqual(Object.keys(await web.ask(netns("client"), "tcp", at(1), PORT + 1, 1)), ["timeout"]);
  });

  it("does so in IPv6, and for what an HTTPS record hints at", async () => {
    const v6 = { question: "example.com", type: TYPE.AAAA, records: [address("example.com", at(1, 6))] };
    await dns.tell(v6);
    assert.deepEqual(await follow(v6, at(1, 6), NAME_SERVER[6]), AT_ONCE);
    const hints = { question: "example.com", type: TYPE.HTTPS, records: [https("example.com", [at(5), at(5, 6)])] };
    await dns.tell(hints);
    assert.deepEqual(await follow(hints, at(5)), AT_ONCE);
    assert.equal(await connect(at(5, 6)), "abroad fd18::1");
  });

  it("takes a pattern for every name below, not for the name itself, and an alias for what it stands for", async () => {
    const deep = { question: "a.b.example.net", records: [address("a.b.example.net", at(11))] };
    const apex = { question: "example.net", records: [address("example.net", at(12))] };
    const chain = {
      question: "www.example.net",
      records: [alias("www.example.net", "cdn.example.org"), address("cdn.example.org", at(13))],
    };
    for (const message of [deep, apex, chain]) await dns.tell(message);
    assert.deepEqual(await follow(deep, at(11)), AT_ONCE);
    assert.deepEqual(await follow(chain, at(13)), AT_ONCE);
    await dns.ask(netns("client"), NAME_SERVER[4], apex);
    assert.equal(await connect(at(12)), "timeout");
  });

  it("learns from nobody's answers but those to pods for whom it counts, of names that were asked for", async () => {
    const message = { question: "example.com", type: TYPE.A, records: [address("example.com", at(21))] };
    await dns.tell(message);
    await dns.ask(netns("other"), NAME_SERVER[4], message);
    assert.equal(await connect(at(21), "other"), "timeout");
    assert.equal(await connect(at(21)), "timeout");
    const beside = { question: "example.org", records: [], additional: [address("example.com", at(22))] };
    const other = { question: "example.org", type: TYPE.AAAA, records: [address("example.com", at(23))] };
    for (const one of [beside, other]) {
      await dns.tell(one);
      await dns.ask(netns("client"), NAME_SERVER[4], one);
    }
    assert.equal(await connect(at(22)), "timeout");
    assert.equal(await connect(at(23)), "timeout");
  });

  it("lets go on with what began while an address was a name's, and nothing new begin, until it is told again", async () => {
    const message = { question: "short.example.org", records: [address("short.example.org", at(31), 1)] };
    await dns.tell(message);
    assert.deepEqual(await follow(message, at(31)), AT_ONCE);
    assert.equal(await web.hold("old", netns("client"), at(31), PORT), "abroad 172.18.0.1");
    await until(async () => (await rig.flows()).some((flow) => /table=44.*198\.51\.100\.31/.test(flow)));
    assert.equal(await connect(at(31)), "timeout");
    assert.equal(await web.talk("old"), "still there?");
    assert.deepEqual(await follow(message, at(31)), AT_ONCE);
    assert.equal(await web.talk("old"), "still there?");
    await web.hangUp("old");
  });

  it("forgets an address that lapsed when nothing has gone to it for a while", async () => {
    const lapsed = async () => (await rig.flows()).filter((flow) => /table=44.*198\.51\.100\.31/.test(flow)).length;
    await until(async () => (await lapsed()) === 1);
    await until(async () => (await lapsed()) === 0, 30_000);
    assert.equal(await metric('weir_name_addresses{state="lapsed"}'), 0);
  });

  it("reads the answers that come through a service", async () => {
    const message = { question: "svc.example.net", records: [address("svc.example.net", at(210))] };
    await dns.tell(message);
    assert.deepEqual(await follow(message, at(210), RESOLVER), AT_ONCE);
  });

  it("reads answers by TCP, in one segment and in several", async () => {
    const many = Array.from({ length: 40 }, (_, i) => address("tcp.example.net", at(41 + i)));
    for (const pieces of [1, 3]) {
      const records = many.slice(0, pieces * 10);
      const message = { question: "tcp.example.net", records };
      await dns.tell(message, pieces);
      assert.equal(
        (await dns.askByTcp(netns("client"), NAME_SERVER[4], message)).length,
        encodeMessage(message).length,
      );
      assert.equal(await connect(at(40 + records.length)), "abroad 172.18.0.1");
    }
  });

  it("passes on what cannot be read, and learns nothing of it", async () => {
    const whole = encodeMessage({ question: "example.com", records: [address("example.com", at(91))] });
    const before = await metric('weir_dns_answers_total{outcome="malformed"}');
    const cut = whole.subarray(0, -1);
    const question = { question: "example.com" };
    const looped = Buffer.concat([whole.subarray(0, 12), Buffer.of(0xc0, 12), whole.subarray(14)]);
    for (const bytes of [cut, looped]) {
      await dns.tellBytes(question, bytes);
      const heard = await dns.ask(netns("client"), NAME_SERVER[4], question);
      assert.deepEqual(heard?.subarray(2), bytes.subarray(2));
    }
    await dns.tellBytes(
      question,
      encodeMessage({ ...question, flags: ANSWER | 3, records: [address("example.com", at(91))] }),
    );
    assert.notEqual(await dns.ask(netns("client"), NAME_SERVER[4], question), undefined);
    assert.equal(await metric('weir_dns_answers_total{outcome="malformed"}'), before + 2);
    assert.equal(await connect(at(91)), "timeout");
  });

  it("has two hundred names learnt that are asked for at once, each before its answer arrives", async () => {
    const pairs = Array.from({ length: 200 }, (_, i): readonly [DnsMessage, string] => {
      const name = `n${i}.example.net`;
      return [
        { question: name, records: [address(name, at(i + 1, i % 2 === 0 ? 6 : 4))] },
        at(i + 1, i % 2 === 0 ? 6 : 4),
      ];
    });
    for (const [message] of pairs) await dns.tell(message);
    assert.deepEqual(await burst(pairs), { answered: 200, connected: 200, resent: 0 });
    assert.equal(await metric('weir_dns_answers_total{outcome="lost"}'), 0);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`knows after a restart by ${signal} what it knew, and writes no flow`, async () => {
      const message = { question: "kept.example.net", records: [address("kept.example.net", at(201))] };
      await dns.tell(message);
      assert.deepEqual(await follow(message, at(201)), AT_ONCE);
      const before = await rig.flows();
      await rig.stop(signal);
      assert.equal(await connect(at(201)), "abroad 172.18.0.1");
      assert.equal(await dns.ask(netns("client"), NAME_SERVER[4], message), undefined);
      await rig.start();
      assert.deepEqual(await rig.flows(), before);
      assert.equal(await connect(at(201)), "abroad 172.18.0.1");
      assert.deepEqual(await follow(message, at(201)), AT_ONCE);
    });
});
