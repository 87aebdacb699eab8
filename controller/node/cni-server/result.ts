import { type Cidr, cidrContains, formatIp, formatMac, isIpv4 } from "#base/address.ts";
import { gatewayOf, type PodPort } from "../ports/index.ts";
import { CniError } from "./cni-error.ts";
import type { CniVersion } from "./request.ts";

/** The result of ADD as the configuration's version spells it: 0.x has `ips[].version`, 1.1.0 adds `interfaces[].mtu`. */
export function formatResult(version: CniVersion, port: PodPort, cidrs: readonly Cidr[], mtu: number): string {
  const old = version.startsWith("0.");
  const mtuField = version === "1.1.0" ? { mtu } : {};
  const interfaces = [
    { name: port.name, ...mtuField },
    { name: port.ifname, mac: formatMac(port.mac), ...mtuField, sandbox: port.netns },
  ];
  const ips = port.ips.map((ip) => {
    const cidr = cidrs.find((one) => cidrContains(one, ip));
    const gateway = cidr === undefined ? {} : { gateway: formatIp(gatewayOf(cidr)) };
    const address = `${formatIp(ip)}/${isIpv4(ip) ? 32 : 128}`;
    return { ...(old ? { version: isIpv4(ip) ? "4" : "6" } : {}), interface: 1, address, ...gateway };
  });
  const routes = ips.map(({ gateway, address }) => ({
    dst: address.includes(":") ? "::/0" : "0.0.0.0/0",
    ...(gateway === undefined ? {} : { gw: gateway }),
  }));
  return JSON.stringify({ cniVersion: version, interfaces, ips, routes, dns: {} });
}

export function formatFailure(version: CniVersion, error: unknown): string {
  const { number, message, hint } =
    error instanceof CniError ? error : { number: 999, message: "internal error", hint: "" };
  const cause = error instanceof CniError ? error.cause : error;
  const because = cause instanceof Error ? cause.message : "";
  const details = [hint, because].filter((text) => text !== "").join(": ");
  return JSON.stringify({ cniVersion: version, code: number, msg: message, ...(details === "" ? {} : { details }) });
}
