import { join } from "node:path";
import type { KubeCertificates } from "./kube-certificates.ts";

/** What the programs' command lines are made of. */
export interface KubePlan {
  readonly directory: string;
  readonly address: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly securePort: number;
  readonly certificates: KubeCertificates;
}

export function etcdArguments({ directory, clientPort, peerPort }: KubePlan): readonly string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    "--name=rig",
    `--data-dir=${join(directory, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=rig=${peer}`,
    // Nothing here outlives the test.
    "--unsafe-no-fsync",
    // Without progress the API server cannot tell a quiet kind from a stale one, and streamed lists wait.
    "--experimental-watch-progress-notify-interval=1s",
  ];
}

export function apiServerArguments({
  directory,
  address,
  clientPort,
  securePort,
  certificates,
}: KubePlan): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${clientPort}`,
    `--bind-address=${address}`,
    `--advertise-address=${address === "127.0.0.1" ? "127.0.0.2" : address}`,
    `--secure-port=${securePort}`,
    `--cert-dir=${directory}`,
    `--tls-cert-file=${certificates.serverCert}`,
    `--tls-private-key-file=${certificates.serverKey}`,
    `--client-ca-file=${certificates.ca}`,
    `--token-auth-file=${join(directory, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${certificates.serviceAccountKey}`,
    `--service-account-signing-key-file=${certificates.serviceAccountKey}`,
    "--service-cluster-ip-range=10.96.0.0/16,fd96::/112",
    "--endpoint-reconciler-type=none",
    // Nobody here makes the "default" service accounts, or tells when a node is ready.
    "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
    `--requestheader-client-ca-file=${certificates.ca}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--profiling=false",
  ];
}

export function kubeconfigText(server: string, ca: string, token: string): string {
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "rig",
    clusters: [{ name: "rig", cluster: { server, "certificate-authority": ca } }],
    users: [{ name: "rig", user: { token } }],
    contexts: [{ name: "rig", context: { cluster: "rig", user: "rig" } }],
  });
}
