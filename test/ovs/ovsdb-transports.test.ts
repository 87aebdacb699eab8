import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeError } from "#base/errors.ts";
import { connectOvsdb, createReplica, type TlsOptions } from "#ovsdb/index.ts";
import { type OvsdbProcess, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";
import { makeAuthority, type Party } from "#test/rig/tls.ts";

describe("OVSDB over the transports of Open vSwitch", function () {
  this.timeout(20_000);
  let directory: string;
  let us: Party;
  let stranger: Party;
  let secure: OvsdbProcess;
  let plain: OvsdbProcess;
  let ssl: string;
  let tcp: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "weir-t-transports-"));
    mkdirSync(join(directory, "other"));
    const authority = await makeAuthority(directory);
    us = await authority.issue("weir");
    const { key, certificate, ca } = (await authority.issue("server")).files;
    stranger = await (await makeAuthority(join(directory, "other"))).issue("stranger");
    const files = [`--private-key=${key}`, `--certificate=${certificate}`, `--ca-cert=${ca}`];
    secure = await startOvsdb({ argv: ["--remote=pssl:0:127.0.0.1", ...files] });
    plain = await startOvsdb({ argv: ["--remote=ptcp:0:[::1]"] });
    ssl = `ssl:127.0.0.1:${await secure.port()}`;
    tcp = `tcp:[::1]:${await plain.port()}`;
  });
  after(async () => {
    await secure?.close();
    await plain?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function failure(remote: string, tls?: TlsOptions): Promise<{ code: string; text: string }> {
    const error = await connectOvsdb({ remote, ...(tls && { tls }), connectTimeout: 2000 }).then(
      (client) => {
        client.close();
        throw new Error("it connected");
      },
      (reason: Error & { code: string }) => reason,
    );
    return { code: error.code, text: describeError(error) };
  }

  it("tcp, and ssl with certificates of one authority on both sides, serve like a unix socket", async () => {
    for (const remote of [secure.remote, tcp, ssl]) {
      const client = await connectOvsdb({ remote, tls: us.tls });
      assert.ok((await client.listDatabases()).includes("Open_vSwitch"), remote);
      client.close();
    }
    const replica = createReplica({ remote: ssl, tls: us.tls, database: "Open_vSwitch", tables: { Bridge: ["name"] } });
    await replica.whenSynced();
    replica.close();
  });

  it("a certificate that the server refuses is said to be refused", async () => {
    // We trust the server; it does not know our authority.
    const { code, text } = await failure(ssl, { ...stranger.tls, ca: us.tls.ca });
    assert.equal(code, "E_OVSDB_CONNECT");
    assert.match(text, /^cannot connect to ssl:127\.0\.0\.1:\d+: the server refuses our certificate: .*unknown ca/);
  });

  it("a server whose certificate another authority has signed is not spoken to", async () => {
    const { code, text } = await failure(ssl, { ...us.tls, ca: stranger.tls.ca });
    assert.equal(code, "E_OVSDB_CONNECT");
    assert.match(text, /the given ca has not signed the server's certificate/);
  });

  it("options that hold no certificates, or a key of another one, are the caller's mistake", async () => {
    assert.deepEqual((await failure(ssl)).code, "E_OVSDB_VALUE");
    for (const tls of [
      { ...us.tls, certificate: "no certificate" },
      { ...us.tls, key: stranger.tls.key },
    ]) {
      const { code, text } = await failure(ssl, tls);
      assert.equal(code, "E_OVSDB_VALUE");
      assert.match(text, /PEM/);
    }
  });

  it("a server without TLS where ssl is asked for is told apart", async () => {
    const { code, text } = await failure(tcp.replace("tcp:", "ssl:"), us.tls);
    assert.equal(code, "E_OVSDB_CONNECT");
    assert.match(text, /^cannot connect to ssl:\[::1\]/);
  });
});
