import { CniError } from "./cni-error.ts";
import type { Frame } from "./frame.ts";

export const CNI_VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}
export interface PodCall extends Attachment {
  readonly version: CniVersion;
  /** Empty in a DEL whose runtime no longer knows. */
  readonly netns: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Addresses of prevResult, without prefix length; undefined without one. */
  readonly previousIps: readonly string[] | undefined;
}
export type CniRequest =
  | ({ readonly command: "ADD" | "DEL" | "CHECK" } & PodCall)
  | { readonly command: "GC"; readonly version: CniVersion; readonly valid: readonly Attachment[] }
  | { readonly command: "STATUS" | "VERSION"; readonly version: CniVersion };

type Fields = Readonly<Record<string, unknown>>;

/** CNI 1.1 sections 2 and 3: environment and configuration, checked; throws a CniError that names the field. */
export function parseRequest({ environment, input }: Frame): CniRequest {
  const command = environment.get("CNI_COMMAND") ?? "";
  const config = parseConfig(input);
  const version = versionOf(config);
  switch (command) {
    case "ADD":
    case "DEL":
    case "CHECK":
      if (command === "CHECK") requireVersion(command, version, "0.4.0");
      return { command, ...parsePodCall(command, environment, config, version) };
    case "GC":
      requireVersion(command, version, "1.1.0");
      return { command, version, valid: parseAttachments(config) };
    case "STATUS":
      requireVersion(command, version, "1.1.0");
      return { command, version };
    case "VERSION":
      return { command, version };
    default:
      throw environmentError("CNI_COMMAND", command, "one of ADD, DEL, CHECK, GC, STATUS, VERSION");
  }
}

/** The version to answer in, for an error too: whatever the configuration says if we know it. */
export function answerVersion(input: string): CniVersion {
  try {
    return versionOf(parseConfig(input));
  } catch {
    return "1.1.0";
  }
}

function parseConfig(input: string): Fields {
  let config: unknown;
  try {
    config = JSON.parse(input);
  } catch (error) {
    throw new CniError("decode", "the network configuration on stdin is not JSON", "", error);
  }
  if (!isFields(config)) throw new CniError("decode", "the network configuration on stdin is not a JSON object");
  return config;
}

function versionOf(config: Fields): CniVersion {
  const { cniVersion = "0.1.0" } = config;
  const version = CNI_VERSIONS.find((one) => one === cniVersion);
  if (version !== undefined) return version;
  const hint = `cniVersion is ${JSON.stringify(cniVersion)}; supported are ${CNI_VERSIONS.join(", ")}`;
  throw new CniError("incompatibleVersion", "incompatible CNI version", hint);
}

function requireVersion(command: string, version: CniVersion, least: CniVersion): void {
  if (CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(least)) return;
  const hint = `cniVersion is ${version}; ${command} exists since ${least}`;
  throw new CniError("incompatibleVersion", `${command} is not part of this CNI version`, hint);
}

function parsePodCall(
  command: string,
  environment: Frame["environment"],
  config: Fields,
  version: CniVersion,
): PodCall {
  checkConfig(config);
  const containerId = environment.get("CNI_CONTAINERID") ?? "";
  if (!isContainerId(containerId)) {
    throw environmentError(
      "CNI_CONTAINERID",
      containerId,
      "letters, digits, '_', '.', '-', beginning with a letter or digit",
    );
  }
  const ifname = environment.get("CNI_IFNAME") ?? "";
  if (!isInterfaceName(ifname)) {
    throw environmentError("CNI_IFNAME", ifname, "1 to 15 characters without space, '/' and ':', such as eth0");
  }
  const netns = environment.get("CNI_NETNS") ?? "";
  const mayLack = command === "DEL" && netns === "";
  // A newline would end a line of the batch that goes to ip; no file of a runtime has one.
  if (!mayLack && !/^\/[^\s]+$/.test(netns)) {
    throw environmentError("CNI_NETNS", netns, "the absolute path of a network namespace, such as /var/run/netns/NAME");
  }
  const previousIps = parsePrevious(config["prevResult"]);
  return { containerId, ifname, netns, version, pod: parseArguments(environment.get("CNI_ARGS") ?? ""), previousIps };
}

function checkConfig(config: Fields): void {
  const { name, type, ipam, runtimeConfig, ipRanges } = config;
  if (typeof name !== "string" || !/^[a-z0-9][\w.-]*$/i.test(name))
    throw configError("name", name, "the network's name, such as weir");
  if (typeof type !== "string" || type === "")
    throw configError("type", type, "the name of the executable, such as weir");
  if (ipam !== undefined && !isFields(ipam)) throw configError("ipam", ipam, "an object; Weir ignores it");
  if (runtimeConfig !== undefined && !isFields(runtimeConfig))
    throw configError("runtimeConfig", runtimeConfig, "an object, such as {}");
  for (const [at, ranges] of [
    ["ipRanges", ipRanges],
    ["runtimeConfig.ipRanges", isFields(runtimeConfig) ? runtimeConfig["ipRanges"] : undefined],
  ] as const)
    if (ranges !== undefined && !Array.isArray(ranges)) throw configError(at, ranges, "a list; Weir ignores it");
}

/** "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;..." */
function parseArguments(text: string): PodCall["pod"] {
  const values = new Map<string, string>();
  for (const part of text.split(";").filter((one) => one !== "")) {
    const at = part.indexOf("=");
    if (at < 1) throw environmentError("CNI_ARGS", text, "KEY=VALUE pairs with ';' between them");
    values.set(part.slice(0, at), part.slice(at + 1));
  }
  const value = (key: string): string => values.get(key) ?? "";
  return { namespace: value("K8S_POD_NAMESPACE"), name: value("K8S_POD_NAME"), uid: value("K8S_POD_UID") };
}

function parsePrevious(result: unknown): readonly string[] | undefined {
  if (result === undefined || result === null) return undefined;
  if (!isFields(result)) throw configError("prevResult", result, "the result of an earlier ADD");
  const { ips = [] } = result;
  if (!Array.isArray(ips)) throw configError("prevResult.ips", ips, "a list");
  return ips.map((entry: unknown, i) => {
    const address = isFields(entry) ? entry["address"] : undefined;
    if (typeof address !== "string")
      throw configError(`prevResult.ips[${i}].address`, address, "an address such as 10.0.0.5/32");
    return address.split("/")[0] ?? "";
  });
}

/** CNI 1.1 "GC": the key is required, for without it everything would go. */
function parseAttachments(config: Fields): readonly Attachment[] {
  const key = "cni.dev/valid-attachments";
  const list = config[key];
  if (!Array.isArray(list)) throw configError(key, list, "a list of {containerID, ifname}");
  return list.map((entry: unknown, i) => {
    const { containerID, ifname } = isFields(entry) ? entry : {};
    if (typeof containerID !== "string" || typeof ifname !== "string")
      throw configError(`${key}[${i}]`, entry, 'an object such as {"containerID": "c1", "ifname": "eth0"}');
    return { containerId: containerID, ifname };
  });
}

function isContainerId(text: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]*$/i.test(text);
}

function isInterfaceName(text: string): boolean {
  return /^(?!\.\.?$)[^\s/:]{1,15}$/.test(text);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function environmentError(name: string, value: string, right: string): CniError {
  return new CniError(
    "invalidEnvironment",
    `${name} is ${value === "" ? "empty" : JSON.stringify(value)}`,
    `it should be ${right}`,
  );
}

function configError(field: string, value: unknown, right: string): CniError {
  const shown = value === undefined ? "absent" : JSON.stringify(value).slice(0, 80);
  return new CniError("invalidConfig", `${field} of the network configuration is ${shown}`, `it should be ${right}`);
}
