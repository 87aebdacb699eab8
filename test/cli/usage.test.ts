import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { weirctl } from "./run.ts";

const launcher = fileURLToPath(new URL("../../bin/weirctl", import.meta.url));

describe("weirctl's command line", () => {
  it("has help with examples for itself and each command, on stdout", async () => {
    const commands = [
      "status",
      "get",
      "get pods",
      "get nodes",
      "get problems",
      "flows",
      "annotate",
      "compile",
      "explain",
      "matrix",
      "policy",
      "policy test",
      "policy diff",
      "policy lint",
      "policy convert",
      "ofp-print",
    ];
    for (const command of ["", ...commands]) {
      const { code, out, err } = await weirctl([...command.split(" "), "--help"].filter(Boolean));
      assert.deepEqual([code, err], [0, ""], command);
      assert.match(out, /^Usage: weirctl/);
      assert.match(out, new RegExp(`Examples:\n {2}.*weirctl ${command}`), command);
      if (!["", "get", "policy", "policy convert"].includes(command)) assert.match(out, /-o, --output/, command);
    }
    assert.match((await weirctl(["--help"])).out, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
  });

  it("answers a wrong command line with exit code 2 and a word on stderr", async () => {
    for (const [argv, message] of [
      [["statsu"], /weirctl: unknown command 'statsu'\n\(Did you mean status\?\)/],
      [["flows", "--pdo", "x"], /weirctl: unknown option '--pdo'/],
      [["status", "-o", "xml"], /Allowed choices are text, json/],
      [["compile"], /missing required argument 'folder'/],
      [["compile", "x", "--underlay", "10.0.0.1"], /an address with a length is needed, such as 172.18.0.1\/24/],
      [["explain", "shop/web"], /missing required argument 'destination/],
      [["explain", "Shop", "x"], /Shop: a pod \(shop\/web, .* is needed/],
      [["explain", "web", "x:80:90"], /x:80:90: .* a port such as 80, 80\/TCP/],
      [["explain", "web", "db", "folder", "--live"], /--live, a folder or --cluster: one of them/],
      [["matrix", "--port", "http"], /--port http: a port from 1 to 65535 is needed/],
      [["policy", "diff", "-", "-"], /only one of the two can be read from stdin/],
      [["policy", "tset"], /unknown command 'tset'/],
      [["get", "gateways"], /unknown command 'gateways'|Usage/],
      [[], /Usage: weirctl/],
    ] as const) {
      const { code, out, err } = await weirctl(argv);
      assert.deepEqual([code, out], [2, ""], argv.join(" "));
      assert.match(err, message);
    }
  });

  it("tells its version", async () => {
    assert.deepEqual(await weirctl(["--version"]), { code: 0, out: "0.1.0\n", err: "" });
  });

  it("starts from the launcher, through a link and from elsewhere, and on a system without a Node of its own", () => {
    const { status, stdout } = spawnSync(launcher, ["--version"], {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it("ends quietly when nobody reads any more", () => {
    const script = `"${launcher}" annotate --socket /nonexistent 2>/dev/null | head -n 1; echo "\${PIPESTATUS[*]}"`;
    const input = " cookie=0x204000000000001, table=70, actions=output:7\n".repeat(20_000);
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { input, encoding: "utf8" });
    assert.match(stdout, /^ cookie=.*# pods\/deliver.*\n0 0\n$/);
    assert.equal(stderr, "");
  });
});
