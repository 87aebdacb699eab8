import { familyOf, formatIp, type Ip, type IpFamily } from "#base/address.ts";
import { parseRoutedAddress } from "../ingest/host-address.ts";
import { createReader, isRecord, type Reader } from "../ingest/reader.ts";
import type { Labels } from "../model/model.ts";
import type { Problem } from "../problem.ts";
import { ADDRESS_REQUEST, ASSIGNED_FROM, isOurClass, POOL_REQUEST, splitList } from "./names.ts";

/** A service of type LoadBalancer, as far as its addresses from outside are concerned. */
export interface BalancedService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  /** undefined: it leaves open whose balancer it wants. */
  readonly loadBalancerClass: string | undefined;
  /** Those that its clients may use, as the service has addresses within the cluster. */
  readonly families: readonly IpFamily[];
  /** As its status has them. */
  readonly ips: readonly Ip[];
  /** Its status says something else as well, such as a hostname: somebody else wrote it. */
  readonly isForeign: boolean;
  readonly assignedFrom: readonly string[];
  readonly requests: readonly AddressRequest[];
  readonly poolRequest: string | undefined;
  readonly problems: readonly Problem[];
}

export interface AddressRequest {
  readonly ip: Ip;
  /** Where it stands. */
  readonly field: string;
}

const ADDRESS = "an address of a host, such as 192.0.2.10 or 2001:db8::10,";
const REQUEST_FIELD = `metadata.annotations[${ADDRESS_REQUEST}]`;
const FAMILIES: Readonly<Record<string, IpFamily>> = { IPv4: 4, IPv6: 6 };

/** Undefined for a service of another type, and for one of another's class without any address: nothing of it matters here. */
export function readBalancedService(key: string, object: unknown): BalancedService | undefined {
  const reader = createReader("address-pools", `Service ${key}`, object);
  if (reader.at("spec.type") !== "LoadBalancer") return undefined;
  const [namespace = "", name = ""] = key.split("/");
  const annotations = reader.map("metadata.annotations");
  const loadBalancerClass = reader.text("spec.loadBalancerClass");
  const { ips, isForeign } = readIngress(reader);
  if (!isOurClass(loadBalancerClass) && ips.length === 0) return undefined;
  return {
    ...{ namespace, name, loadBalancerClass, ips, isForeign },
    labels: reader.map("metadata.labels"),
    families: readFamilies(reader),
    assignedFrom: splitList(annotations.get(ASSIGNED_FROM)),
    requests: readRequests(reader, annotations.get(ADDRESS_REQUEST)),
    poolRequest: annotations.get(POOL_REQUEST),
    problems: reader.problems,
  };
}

/** Whoever wrote something that is no address of a host: we did not. */
function readIngress(reader: Reader): Pick<BalancedService, "ips" | "isForeign"> {
  const entries = reader.list("status.loadBalancer.ingress").map((entry) => {
    const { ip, ipMode } = isRecord(entry) ? entry : {};
    return typeof ip === "string" && ipMode !== "Proxy" ? parseRoutedAddress(ip) : undefined;
  });
  const ips = entries.filter((ip) => ip !== undefined);
  return { ips, isForeign: ips.length < entries.length };
}

function readFamilies(reader: Reader): readonly IpFamily[] {
  const families = reader.list("spec.ipFamilies").map((family) => FAMILIES[String(family)]);
  const known = families.filter((family) => family !== undefined);
  return known.length > 0 ? known : [4];
}

/** The annotation, which can ask in both families, before the older field. */
function readRequests(reader: Reader, annotation: string | undefined): readonly AddressRequest[] {
  const wanted = splitList(annotation).map((text) => ({ text, field: REQUEST_FIELD }));
  const older = reader.text("spec.loadBalancerIP");
  if (older !== undefined && older !== "") wanted.push({ text: older, field: "spec.loadBalancerIP" });
  const requests: AddressRequest[] = [];
  for (const { text, field } of wanted) {
    const ip = reader.parsed(field, text, parseRoutedAddress, ADDRESS);
    if (ip === undefined || requests.some((before) => before.ip === ip)) continue;
    const before = requests.find((one) => familyOf(one.ip) === familyOf(ip));
    if (before === undefined) requests.push({ ip, field });
    else if (field === REQUEST_FIELD)
      reader.report(field, `asks for ${formatIp(ip)} beside ${formatIp(before.ip)}; one of each family is given`);
  }
  return requests;
}
