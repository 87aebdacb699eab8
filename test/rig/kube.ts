import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireKubeBinaries } from "./kube-binaries.ts";
import { type KubeCertificates, makeCertificates } from "./kube-certificates.ts";
import { apiServerArguments, etcdArguments, type KubePlan, kubeconfigText } from "./kube-plan.ts";
import {
  claimFolder,
  FOLDER_PREFIX,
  findFreePorts,
  type RigProcess,
  startProcess,
  sweepLeftovers,
  waitFor,
} from "./kube-process.ts";
import { createRigClient, httpJson, type RigClient } from "./kube-rig-client.ts";

export interface KubeOptions {
  /** Where the API server listens; its certificate names it. */
  readonly address?: string;
  /** Further command line arguments for kube-apiserver: "--feature-gates=WatchList=false". */
  readonly apiServerArguments?: readonly string[];
}

/** A private etcd and kube-apiserver. RBAC decides, and the administrator's token is in system:masters. */
export interface Kube extends RigClient {
  readonly server: string;
  readonly token: string;
  readonly directory: string;
  readonly certificates: KubeCertificates;
  /** The administrator's kubeconfig file. */
  readonly kubeconfig: string;
  readonly logFile: string;
  /** Writes a kubeconfig for another token, and gives its path. */
  writeKubeconfig(name: string, token: string): Promise<string>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Ends the API server, if it runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Compacts etcd to now: whoever resumes from before, after a restart, is told 410 Gone. */
  compact(): Promise<void>;
  /** Ends both and removes everything. */
  stop(): Promise<void>;
}

const TOKEN = "weir-test-admin-token";

export async function startKube(options: KubeOptions = {}): Promise<Kube> {
  sweepLeftovers();
  const binaries = await requireKubeBinaries();
  const address = options.address ?? "127.0.0.1";
  const directory = await mkdtemp(FOLDER_PREFIX);
  claimFolder(directory);
  const hosts = [...new Set([address, "127.0.0.1", "localhost", "kubernetes.default.svc", "10.96.0.1"])];
  const [certificates, ports] = await Promise.all([makeCertificates(directory, hosts), findFreePorts(3)]);
  const [clientPort = 0, peerPort = 0, securePort = 0] = ports;
  await writeFile(join(directory, "tokens.csv"), `${TOKEN},weir-test-admin,weir-test-admin,system:masters\n`, {
    mode: 0o600,
  });
  const plan: KubePlan = { directory, address, clientPort, peerPort, securePort, certificates };
  const etcd = startProcess(directory, "etcd", binaries.etcd, etcdArguments(plan));
  const server = `https://${address}:${securePort}`;
  const logFile = join(directory, "kube-apiserver.log");
  const client = await createRigClient(server, certificates.ca, TOKEN);

  const startApiServer = async (): Promise<RigProcess> => {
    const argv = [...apiServerArguments(plan), ...(options.apiServerArguments ?? [])];
    const program = startProcess(directory, "kube-apiserver", binaries.apiServer, argv);
    await waitFor(
      "kube-apiserver",
      program,
      logFile,
      async () => (await client.request("GET", "/readyz")).status === 200,
    );
    return program;
  };
  const etcdUrl = `http://127.0.0.1:${clientPort}`;
  const removeAll = async (programs: readonly RigProcess[]) => {
    await Promise.all(programs.map((program) => program.end("SIGKILL")));
    await rm(directory, { recursive: true, force: true });
  };

  let apiServer: RigProcess;
  try {
    apiServer = await startApiServer();
  } catch (error) {
    await removeAll([etcd]);
    throw error;
  }
  const writeKubeconfig = async (name: string, token: string) => {
    const path = join(directory, `${name}.kubeconfig`);
    await writeFile(path, kubeconfigText(server, certificates.ca, token), { mode: 0o600 });
    return path;
  };
  return {
    ...client,
    ...{ server, token: TOKEN, directory, certificates, logFile, writeKubeconfig },
    kubeconfig: await writeKubeconfig("admin", TOKEN),
    kill: () => apiServer.end("SIGKILL"),
    async restart() {
      await apiServer.end("SIGKILL");
      apiServer = await startApiServer();
    },
    compact: () => compactEtcd(etcdUrl),
    stop: () => removeAll([apiServer, etcd]),
  };
}

/** etcd's gateway: gRPC as JSON, keys in base64. */
async function compactEtcd(url: string): Promise<void> {
  const range = await httpJson("POST", `${url}/v3/kv/range`, { key: Buffer.from("compact").toString("base64") });
  const revision = /"revision":"(\d+)"/.exec(JSON.stringify(range.body))?.[1];
  const done = await httpJson("POST", `${url}/v3/kv/compaction`, { revision, physical: true });
  if (done.status !== 200) throw new Error(`etcd did not compact: ${done.status} ${JSON.stringify(done.body)}`);
}
