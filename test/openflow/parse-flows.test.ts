import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { weirctl } from "#test/cli/run.ts";
import { TAKEN } from "./text/corpus.ts";

describe("weirctl parse-flows", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "weir-parse-flows-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Both tools over one file. */
  async function both(content: string) {
    const file = join(folder, "flows.txt");
    writeFileSync(file, content);
    const { stdout, status } = spawnSync("ovs-ofctl", ["-vconsole:off", "-O", "OpenFlow15", "parse-flows", file], {
      encoding: "utf8",
    });
    return { theirs: { out: stdout, code: status }, ours: await weirctl(["parse-flows", file]) };
  }

  const files: readonly (readonly [what: string, content: string])[] = [
    ["many flows, comments and empty lines", `# all\n\n${TAKEN.join("  # one\n")}\n`],
    ["no flow", "\n# nothing\n"],
    ["a flow that every version can say", "priority=5,ip,nw_dst=10.0.0.0/8,tcp,tp_dst=80,actions=output:1\n"],
    ["a flow for a table", "table=0,in_port=1,actions=drop\n"],
    ["a flow with registers", "reg3=0x5/0xf,actions=set_field:7->reg4\n"],
    ["a flow that counts no bytes", "no_byte_counts,actions=drop\n"],
    ["a flow with MPLS", "mpls,mpls_label=3,actions=push_mpls:0x8847,output:2\n"],
    ["a mask that is no prefix", "ip,nw_src=10.0.0.1/255.0.0.255,actions=drop\n"],
    ["ports within IPv6", "tcp6,tp_dst=80,actions=write_metadata:5\n"],
    ["a meter", "actions=meter:7,output:1\n"],
  ];
  for (const [what, content] of files)
    it(`prints ${what} as ovs-ofctl does`, async () => {
      const { theirs, ours } = await both(content);
      assert.equal(ours.out, theirs.out);
      assert.deepEqual([ours.code, ours.err], [theirs.code, ""]);
    });

  it("prints nothing of a file with a flow that is none, and says where and why", async () => {
    const { theirs, ours } = await both("table=1,actions=drop\n\nin_port=1,actions=output:1,bogus\n");
    assert.deepEqual([ours.out, ours.code], [theirs.out, theirs.code]);
    assert.match(ours.err, /flows\.txt:3: "bogus": is no action/);
  });

  it("ends with exit code 1 for a file that is not there", async () => {
    const { code, err } = await weirctl(["parse-flows", join(folder, "none")]);
    assert.equal(code, 1);
    assert.match(err, /none: .*no such file/);
  });
});
