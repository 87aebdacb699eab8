import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

export interface CniCall {
  /** The static C executable. */
  readonly executable: string;
  readonly conflist: string;
  readonly socket: string;
  readonly containerId: string;
  /** A path, such as /var/run/netns/name. */
  readonly netns: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
}

export interface CniResult {
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
}

/** Calls a CNI plugin as a container runtime does: environment, configuration on stdin, result on stdout. */
export async function callCni(command: "ADD" | "DEL" | "CHECK", call: CniCall): Promise<CniResult> {
  const { namespace, name, uid } = call.pod;
  const environment = {
    PATH: process.env["PATH"] ?? "",
    CNI_COMMAND: command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_UID=${uid}`,
    WEIR_CNI_SOCKET: call.socket,
  };
  const { code, output, errors } = await run(call.executable, environment, await firstPlugin(call.conflist));
  if (code !== 0)
    throw new Error(`CNI ${command} of ${namespace}/${name} failed: ${readFailure(output) ?? `${output}${errors}`}`);
  return output.trim() === "" ? {} : (JSON.parse(output) as CniResult);
}

/** A runtime hands a plugin its own part of the list, with the list's name and version put in. */
async function firstPlugin(conflist: string): Promise<string> {
  const { name, cniVersion, plugins } = JSON.parse(await readFile(conflist, "utf8"));
  return JSON.stringify({ ...plugins[0], name, cniVersion });
}

function run(executable: string, env: Record<string, string>, input: string) {
  return new Promise<{ code: number | null; output: string; errors: string }>((resolve, reject) => {
    const child = spawn(executable, [], { env, stdio: "pipe" });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output, errors }));
    // An executable that ends before it has read everything says why on stdout; the broken pipe says nothing more.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function readFailure(output: string): string | undefined {
  try {
    const { code, msg, details } = JSON.parse(output);
    return `${code} ${msg}${details ? `: ${details}` : ""}`;
  } catch {
    return undefined;
  }
}
