import { writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { run } from "./kube-binaries.ts";

export interface KubeCertificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  /** Of user "weir-test-admin" in group system:masters. */
  readonly adminCert: string;
  readonly adminKey: string;
  /** Signs the tokens of service accounts. */
  readonly serviceAccountKey: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];

/** Files in `directory`, made by openssl: an authority, the server's certificate for `hosts`, an administrator's. */
export async function makeCertificates(directory: string, hosts: readonly string[]): Promise<KubeCertificates> {
  const at = (name: string) => join(directory, name);
  const openssl = (...argv: string[]) => run("openssl", argv, { cwd: directory });
  await openssl("req", "-x509", ...KEY, "-subj", "/CN=weir-test-ca", "-keyout", "ca.key", "-out", "ca.crt");
  await openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "sa.key");
  const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`).join(",");
  const issue = async (name: string, subject: string, extensions: string) => {
    await writeFile(at(`${name}.ext`), `${extensions}\n`);
    await openssl("req", "-new", ...KEY.slice(0, 5), "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...authority, "-extfile", `${name}.ext`, "-out", `${name}.crt`);
  };
  await issue("server", "/CN=kube-apiserver", `subjectAltName=${names}\nextendedKeyUsage=serverAuth`);
  await issue("admin", "/O=system:masters/CN=weir-test-admin", "extendedKeyUsage=clientAuth");
  return {
    ca: at("ca.crt"),
    serverCert: at("server.crt"),
    serverKey: at("server.key"),
    adminCert: at("admin.crt"),
    adminKey: at("admin.key"),
    serviceAccountKey: at("sa.key"),
  };
}
