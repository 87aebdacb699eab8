import assert from "node:assert/strict";
import { CniRig } from "./cni-rig.ts";

const CIDRS = "10.10.1.0/28,fd10:1::/64";

function addressesOf(output: string): string[] {
  const { ips }: { ips: { address: string }[] } = JSON.parse(output);
  return ips.map(({ address }) => address);
}

describe("pods plugged through the CNI executable", function () {
  this.timeout(60_000);
  let rig: CniRig;
  before(async () => {
    rig = await CniRig.create("cni");
    await rig.startNode(CIDRS);
  });
  after(() => rig.close());

  async function isClean(): Promise<void> {
    assert.deepEqual(await rig.rows(), []);
    assert.deepEqual(await rig.links(), []);
  }

  it("answers a repeated ADD with the same result, and DEL succeeds twice", async () => {
    await rig.addPod("a");
    const first = await rig.call("ADD", "a");
    assert.equal(first.code, 0, first.output);
    assert.deepEqual(await rig.call("ADD", "a"), first);
    assert.equal((await rig.call("CHECK", "a", { prevResult: JSON.parse(first.output) })).code, 0);
    assert.equal((await rig.call("DEL", "a")).code, 0);
    assert.equal((await rig.call("DEL", "a")).code, 0);
    assert.equal((await rig.call("CHECK", "a")).code, 1);
    await rig.removePod("a");
    await isClean();
  });

  it("gives each of thirteen pods at once its own address, then says which podCIDR is full", async () => {
    const pods = Array.from({ length: 13 }, (_, i) => `m${i}`);
    for (const pod of [...pods, "late"]) await rig.addPod(pod);
    const answers = await Promise.all(pods.map((pod) => rig.call("ADD", pod)));
    assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set([0]));
    assert.equal(new Set(answers.flatMap(({ output }) => addressesOf(output))).size, 26);
    const late = await rig.call("ADD", "late");
    assert.equal(late.code, 1);
    assert.match(late.output, /"code":11.*10\.10\.1\.0\/28.*13 of 13/);
    await Promise.all(pods.map((pod) => rig.call("DEL", pod)));
    for (const pod of [...pods, "late"]) await rig.removePod(pod);
    await isClean();
  });

  it("removes with GC what is not valid any more, and leaves the rest", async () => {
    for (const pod of ["keep", "drop"]) {
      await rig.addPod(pod);
      assert.equal((await rig.call("ADD", pod)).code, 0);
    }
    const valid = { "cni.dev/valid-attachments": [{ containerID: "container-keep", ifname: "eth0" }] };
    assert.equal((await rig.call("GC", "x", valid)).code, 0);
    assert.equal((await rig.rows()).length, 1);
    assert.equal((await rig.call("CHECK", "keep")).code, 0);
    assert.equal((await rig.call("DEL", "keep")).code, 0);
    for (const pod of ["keep", "drop"]) await rig.removePod(pod);
    await isClean();
  });

  it("refuses a namespace that is not there, and deletes a pod whose namespace has vanished", async () => {
    const absent = await rig.call("ADD", "absent");
    assert.match(absent.output, /"code":3/);
    await rig.addPod("v");
    assert.equal((await rig.call("ADD", "v")).code, 0);
    await rig.removePod("v");
    assert.equal((await rig.call("DEL", "v")).code, 0);
    await isClean();
  });

  it("formats the result as the configuration's version has it", async () => {
    await rig.addPod("f");
    const old = await rig.call("ADD", "f", { cniVersion: "0.4.0" });
    assert.match(old.output, /"cniVersion":"0.4.0".*"version":"4"/);
    assert.doesNotMatch((await rig.call("ADD", "f", { cniVersion: "1.0.0" })).output, /"version":"4"|"mtu"/);
    await rig.call("DEL", "f");
    await rig.removePod("f");
  });

  it("says that the node is away with code 11, and STATUS succeeds while it is there", async () => {
    assert.deepEqual(await rig.call("STATUS", "x"), { code: 0, output: "" });
    const away = await rig.call("STATUS", "x", {}, { WEIR_CNI_SOCKET: `${rig.directory}/none` });
    assert.match(away.output, /"code":11/);
  });

  for (const step of ["reserved", "plugged", "recorded", "installed", "unrecorded", "unplugged"]) {
    it(`survives a crash after the step "${step}"`, async () => {
      await rig.nodeEnded("SIGTERM");
      await rig.startNode(CIDRS, step);
      await rig.addPod("c");
      await rig.call("ADD", "c");
      await rig.call("DEL", "c");
      await rig.nodeEnded();
      await rig.startNode(CIDRS);
      const again = await rig.call("ADD", "c");
      assert.equal(again.code, 0, again.output);
      assert.equal((await rig.call("CHECK", "c", { prevResult: JSON.parse(again.output) })).code, 0);
      assert.equal((await rig.rows()).length, 1);
      assert.equal((await rig.call("DEL", "c")).code, 0);
      await rig.removePod("c");
      await isClean();
    });
  }
});
