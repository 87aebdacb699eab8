import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "#base/log.ts";
import { CutConnections } from "#controller/node/switch/cut-connections.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Message } from "#openflow/messages/message.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { addressesOf, ground, LOCAL } from "../pipeline/policy-clusters.ts";
import { batch, SETTINGS } from "../pipeline/samples.ts";
import { until } from "../watch/until.ts";

const DENY: RawChange = {
  ...{ kind: "NetworkPolicy", key: "a/deny" },
  object: { spec: { podSelector: {}, policyTypes: ["Ingress"] } },
};
const POLICY_OF_B: RawChange = { ...DENY, key: "b/deny" };
const PODS = LOCAL.map((key): RawChange => {
  const [namespace, name] = key.split("/");
  const status = { podIPs: addressesOf(key).map((ip) => ({ ip })) };
  return { kind: "Pod", key, object: { metadata: { namespace, name }, spec: { nodeName: "n1" }, status } };
});

/** A client outside has so many connections to a pod. */
function connectionsTo(pod: string, count: number): string {
  const [server] = addressesOf(pod);
  return Array.from({ length: count }, (_, i) => {
    const ends = `src=203.0.113.7,dst=${server},sport=${1000 + i},dport=80`;
    return `udp,orig=(${ends}),reply=(src=${server},dst=203.0.113.7,sport=80,dport=${1000 + i}),zone=30565,mark=2\n`;
  }).join("");
}

describe("connections that are to be cut", () => {
  let directory: string;
  let server: Server;
  let dumps: number;
  let ending: AbortController;
  let asked: Message[];
  let complaints: string[];
  let pipeline: Pipeline;
  let cut: CutConnections;
  const connection = {
    async sendAll(messages: readonly Message[]) {
      asked.push(...messages);
      return [];
    },
  } as unknown as OpenFlowConnection;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-t-cut-"));
    [dumps, asked, complaints, ending] = [0, [], [], new AbortController()];
    server = createServer((socket) => {
      socket.on("data", (request) => {
        dumps++;
        const { id } = JSON.parse(String(request));
        const result = connectionsTo("a/web", 1200) + connectionsTo("b/web", 3);
        socket.write(JSON.stringify({ id, error: null, result }));
      });
    });
    pipeline = createPipeline(SETTINGS, ["test"]);
    cut = new CutConnections({
      control: { runDirectory: directory, datapath: "netdev" },
      log: { ...silentLog, warn: (message) => complaints.push(message) },
      ...{ view: pipeline.view, signal: ending.signal, connection: () => connection },
    });
  });
  afterEach(async () => {
    ending.abort();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  const listen = (name: string) =>
    new Promise<void>((resolve) => void server.listen(join(directory, name), () => resolve()));
  const step = (...changes: readonly RawChange[]) =>
    cut.follow({ ...pipeline.step(batch(...changes)), compare: false });

  it("are looked for when the node process finds its switch, and then at the pods that a change concerns", async () => {
    await writeFile(join(directory, "ovs-vswitchd.pid"), "4711\n");
    await listen("ovs-vswitchd.4711.ctl");
    step(...ground(), ...PODS, DENY);
    // And once more, when the switch's cache follows.
    await until(() => asked.length === 2400);
    step(POLICY_OF_B);
    await until(() => asked.length === 2406);
    assert.equal(dumps, 4);
    step({ ...POLICY_OF_B, object: undefined });
    step({ ...DENY, object: undefined });
    step(DENY);
    await until(() => asked.length === 4806);
    assert.equal(dumps, 6);
  });

  it("stay until their clients' next packets where Open vSwitch cannot be asked, which is said once", async () => {
    step(...ground(), ...PODS, DENY);
    await until(() => complaints.length > 0);
    await listen("ovs-vswitchd.ctl");
    await until(() => asked.length === 1200);
    assert.equal(complaints.length, 1);
  });
});
