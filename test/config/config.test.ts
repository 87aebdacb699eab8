import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODE_COMMANDS } from "#controller/node/config/arguments.ts";
import { loadConfig, parseConfig } from "#controller/node/config.ts";
import { parseArguments } from "#controller/process/arguments.ts";
import type { ConfigProblem } from "#controller/process/config/problem.ts";
import { ConfigError } from "#controller/process/config/problem.ts";

const surroundings = { env: {}, hostname: "Worker-1" };

function problems(text: string, around = surroundings): readonly ConfigProblem[] {
  try {
    parseConfig(text, "weir.yaml", around);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

const parseNodeArguments = (argv: readonly string[]) => parseArguments(argv, NODE_COMMANDS);

describe("The configuration", () => {
  it("has a default for everything", () => {
    assert.deepEqual(parseConfig("", "weir.yaml", surroundings), {
      nodeName: "worker-1",
      source: { kubernetes: {} },
      ovs: {
        database: "unix:/var/run/openvswitch/db.sock",
        runDirectory: "/var/run/openvswitch",
        bridge: "br-weir",
        datapath: "system",
      },
      traffic: { encapsulation: "always", tunnel: "geneve", masquerade: true },
      cni: { socket: "/var/run/weir/cni.sock", configDirectory: "/etc/cni/net.d", configName: "10-weir.conflist" },
      services: { nodePortAddresses: [] },
      control: { socket: "/var/run/weir/control.sock" },
      http: { address: "127.0.0.1:10350" },
      policies: { establishedConnections: "cut" },
      denials: { samplesPerSecond: 100 },
      names: { minimumTtl: 5, idleConnections: 9000 },
      stateDirectory: "/var/lib/weir",
      compareInterval: 60,
      log: { level: "info" },
    });
  });

  it("keeps the defaults of what a section does not say", () => {
    const config = parseConfig("traffic: {tunnel: vxlan, mtu: 1400}\ncni:\n", "weir.yaml", surroundings);
    assert.deepEqual(config.traffic, { encapsulation: "always", tunnel: "vxlan", mtu: 1400, masquerade: true });
    assert.equal(config.cni.configName, "10-weir.conflist");
  });

  it("takes the node's name from the file, then from NODE_NAME, then from the host", () => {
    const env = { NODE_NAME: "from-env" };
    assert.equal(parseConfig("nodeName: from-file", "x", { env, hostname: "h" }).nodeName, "from-file");
    assert.equal(parseConfig("", "x", { env, hostname: "h" }).nodeName, "from-env");
    assert.equal(parseConfig("", "x", { env: {}, hostname: "H" }).nodeName, "h");
    assert.match(String(problems("", { env: {}, hostname: "under_score" })[0]?.found), /from the host's name/);
  });

  it("reports every error at once, with line, path, what is there and what would be right", () => {
    const text = [
      "nodeName: Not_A_Name",
      "ovs:",
      "  bridge: a-name-that-is-too-long",
      "  datapth: netdev",
      "traffic:",
      "  tunnel: gre",
      "  mtu: big",
      "  masquerade: yes",
      "http:",
      "  address: localhost",
      "cni: {socket: /run/x.sock}",
      "control: {socket: /run/x.sock}",
      "lgo: {}",
    ].join("\n");
    assert.deepEqual(
      problems(text).map(({ path, line, column, found }) => `${line}:${column} ${path} ${found}`),
      [
        '1:11 nodeName "Not_A_Name"',
        '3:11 ovs.bridge "a-name-that-is-too-long"',
        "4:3 ovs.datapth the unknown key datapth",
        '6:11 traffic.tunnel "gre"',
        '7:8 traffic.mtu "big"',
        '8:15 traffic.masquerade "yes"',
        '10:12 http.address "localhost"',
        "13:1 lgo the unknown key lgo",
        '12:19 control.socket "/run/x.sock"',
      ],
    );
    const expected = Object.fromEntries(problems(text).map((problem) => [problem.path, problem.expected]));
    assert.equal(expected["ovs.datapth"], "datapath (did you mean that?)");
    assert.equal(expected["traffic.tunnel"], 'one of "geneve", "vxlan"');
    assert.equal(expected["traffic.mtu"], "a whole number from 1280 to 65000");
    assert.equal(expected["traffic.masquerade"], "true or false");
    assert.equal(expected["lgo"], "log (did you mean that?)");
    assert.throws(
      () => parseConfig("traffic: {mtu: 12}", "weir.yaml", surroundings),
      /weir.yaml: 1 problem\n {2}weir.yaml:1:16: traffic.mtu: found 12, expected a whole number from 1280 to 65000/,
    );
  });

  it("wants exactly one source", () => {
    assert.deepEqual(parseConfig("source: {manifests: /m}", "x", surroundings).source, { manifests: "/m" });
    assert.deepEqual(parseConfig("source: {kubernetes: {kubeconfig: /k}}", "x", surroundings).source, {
      kubernetes: { kubeconfig: "/k" },
    });
    for (const source of ["{}", "{kubernetes: {}, manifests: /m}", "[]", "here"]) {
      assert.equal(problems(`source: ${source}`)[0]?.path, "source", source);
    }
    assert.match(problems("source: {manifest: /m}")[0]!.expected, /manifests/);
  });

  it("names the line of text that is not YAML, and refuses what is not a mapping", () => {
    assert.equal(problems("log:\n  level: [info\n")[0]?.line, 3);
    assert.equal(problems("log: {level: info}\nlog: {level: info}")[0]?.line, 2);
    assert.equal(problems("- a list")[0]?.found, '["a list"]');
    assert.equal(problems("a word")[0]?.expected, "keys and values");
  });

  it("refuses socket paths that the system cannot bind", () => {
    assert.equal(problems(`control: {socket: /${"x".repeat(107)}}`)[0]?.path, "control.socket");
    assert.equal(problems("control: {socket: relative.sock}")[0]?.path, "control.socket");
  });

  it("is read from a file, and says when there is none", async () => {
    const directory = await mkdtemp(join(tmpdir(), "weir-config-"));
    try {
      const file = join(directory, "weir.yaml");
      await writeFile(file, "log: {level: debug}\n");
      assert.equal((await loadConfig(file, surroundings)).log.level, "debug");
      assert.equal((await loadConfig(undefined, surroundings)).log.level, "info");
      await assert.rejects(loadConfig(`${file}.not`, surroundings), /weir.yaml.not: found ENOENT/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("weir-node's command line", () => {
  it("takes a subcommand and --config in both forms", () => {
    assert.deepEqual(parseNodeArguments([]), { command: "run" });
    assert.deepEqual(parseNodeArguments(["--config", "/c"]), { command: "run", configFile: "/c" });
    assert.deepEqual(parseNodeArguments(["uninstall", "--config=/c"]), { command: "uninstall", configFile: "/c" });
    assert.deepEqual(parseNodeArguments(["-h"]), { command: "help" });
    for (const wrong of [["--config"], ["--confg", "x"], ["run", "run"]]) {
      assert.throws(() => parseNodeArguments(wrong), ConfigError);
    }
  });
});
