import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIp, parseIp } from "#base/address.ts";
import { type Log, silentLog } from "#base/log.ts";
import { createJournal, type Journal, journalPath } from "#controller/node/dns/journal.ts";
import { createNameTable, type NameTable } from "#controller/node/dns/name-table.ts";

describe("the journal of names", () => {
  let directory: string;
  let table: NameTable;
  const opened: Journal[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-t-journal-"));
    table = createNameTable();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await rm(directory, { recursive: true });
  });

  function open(nodeName = "n1", log: Log = silentLog, folder = directory): Journal {
    const journal = createJournal({ directory: folder, nodeName, log, entries: () => table.entries() });
    opened.push(journal);
    return journal;
  }
  const told = (name: string, ip: string, until: number) => [{ name, ip: parseIp(ip)!, until, isNamed: true }];
  async function learn(journal: Journal, ...words: Parameters<typeof told>): Promise<void> {
    table.learn(told(...words));
    await journal.write(told(...words));
  }
  const recall = async (journal = open()) =>
    (await journal.recall()).map(({ name, ip, until }) => `${name} ${formatIp(ip)} ${until}`);

  it("tells the next process the last that was written of each address, whatever ends this one", async () => {
    assert.deepEqual(await recall(), []);
    const journal = open();
    await learn(journal, "a.com", "192.0.2.1", 10);
    await learn(journal, "a.com", "2001:db8::1", 20);
    await learn(journal, "a.com", "192.0.2.1", 30.5);
    await journal.write([{ name: "a.com", ip: parseIp("2001:db8::1")!, until: undefined }]);
    assert.deepEqual(await recall(), ["a.com 192.0.2.1 30.5"]);
  });

  it("writes at once what comes together, also when nothing was to be written before", async () => {
    const journal = open();
    await journal.write([]);
    await Promise.all(Array.from({ length: 50 }, (_, i) => learn(journal, `n${i}.com`, "192.0.2.1", i)));
    assert.equal((await recall()).length, 50);
  });

  it("begins anew when it has grown, and is whole then", async () => {
    const journal = open();
    for (let i = 0; i < 30; i++)
      await Promise.all(Array.from({ length: 100 }, () => learn(journal, "a.com", "192.0.2.1", i)));
    const lines = (await readFile(journalPath(directory), "utf8")).split("\n").length;
    assert.ok(lines < 1200, `${lines} lines`);
    assert.deepEqual(await recall(), ["a.com 192.0.2.1 29"]);
  });

  it("takes what it can read of a line that was not finished, and nothing of another node's", async () => {
    await learn(open(), "a.com", "192.0.2.1", 10);
    await appendFile(journalPath(directory), '["b.com","192.0.2');
    assert.deepEqual(await recall(), ["a.com 192.0.2.1 10"]);
    assert.deepEqual(await recall(open("n2")), []);
    const next = open();
    await learn(next, "c.com", "192.0.2.3", 10);
    assert.deepEqual(await recall(), ["a.com 192.0.2.1 10", "c.com 192.0.2.3 10"]);
    for (const text of ["", "{}", "\0\0", '{"format":1,"nodeName":"n1"}\n7\n[]\n["x"]\n["x","y",1]\n'])
      assert.deepEqual(await writeFile(journalPath(directory), text).then(() => recall()), []);
  });

  it("warns where it cannot write, and goes on", async () => {
    const warnings: string[] = [];
    const file = join(directory, "file");
    await writeFile(file, "");
    const journal = open("n1", { ...silentLog, warn: (message) => void warnings.push(message) }, join(file, "state"));
    await learn(journal, "a.com", "192.0.2.1", 10);
    assert.deepEqual(warnings, ["what pods were told of names was not saved"]);
  });
});
