import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TlsOptions } from "#openflow/address.ts";

const exec = promisify(execFile);

/** Files of one party, for programs that read them, and their texts. */
export interface Party {
  readonly files: { readonly key: string; readonly certificate: string; readonly ca: string };
  readonly tls: TlsOptions;
}

/** A certificate authority in a folder, good for a day. */
export async function makeAuthority(directory: string): Promise<{ issue(name: string): Promise<Party> }> {
  const ca = join(directory, "ca.pem");
  const caKey = join(directory, "ca-key.pem");
  const subject = (name: string) => ["-subj", `/CN=${name}`, "-days", "1", "-nodes", "-newkey", "ec", ...CURVE];
  await exec("openssl", ["req", "-x509", ...subject("weir-test-ca"), "-keyout", caKey, "-out", ca]);
  return {
    async issue(name) {
      const key = join(directory, `${name}-key.pem`);
      const certificate = join(directory, `${name}.pem`);
      const signing = ["-CA", ca, "-CAkey", caKey];
      await exec("openssl", ["req", "-x509", ...subject(name), ...signing, "-keyout", key, "-out", certificate]);
      const [keyText, certificateText, caText] = await Promise.all(
        [key, certificate, ca].map((file) => readFile(file, "utf8")),
      );
      return {
        files: { key, certificate, ca },
        tls: { key: keyText!, certificate: certificateText!, ca: caText! },
      };
    },
  };
}

const CURVE = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];
