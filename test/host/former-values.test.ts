import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFormerValues } from "#controller/node/host/former-values.ts";

const FORWARD = "net/ipv4/ip_forward";
const FILTER = "net/ipv4/conf/weir-gw0/rp_filter";

describe("former values of sysctls", () => {
  let directory: string;
  const fresh = () => createFormerValues(join(directory, "state"));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-former-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("are on disk for a fresh process, in the order in which they were remembered", async () => {
    const former = fresh();
    await former.remember(new Map([[FORWARD, "0"]]));
    await former.remember(new Map([[FILTER, "1"]]));
    assert.deepEqual(
      [...(await fresh().recall())],
      [
        [FORWARD, "0"],
        [FILTER, "1"],
      ],
    );
  });

  it("are those before the first change: a later value is our own", async () => {
    await fresh().remember(new Map([[FORWARD, "0"]]));
    await fresh().remember(new Map([[FORWARD, "1"]]));
    assert.equal((await fresh().recall()).get(FORWARD), "0");
  });

  it("are none before the first and after they are forgotten, and no file stays behind", async () => {
    const former = fresh();
    assert.equal((await former.recall()).size, 0);
    await former.remember(new Map([[FORWARD, "0"]]));
    await former.forget();
    await former.forget();
    assert.equal((await former.recall()).size, 0);
    assert.deepEqual(await readdir(join(directory, "state")), []);
  });

  it("that cannot be read are an error that names the file and the cure, and nothing is written over them", async () => {
    await fresh().remember(new Map([[FORWARD, "0"]]));
    const path = join(directory, "state", "host.json");
    for (const text of ["{", "[]", '{"format":2,"sysctls":[]}', '{"format":1,"sysctls":[["net/../kernel/x","1"]]}']) {
      await writeFile(path, text);
      await assert.rejects(fresh().recall(), /host\.json, which says what sysctls were before Weir.*remove it/);
      await assert.rejects(fresh().remember(new Map([[FORWARD, "1"]])), /host\.json/);
    }
  });
});
