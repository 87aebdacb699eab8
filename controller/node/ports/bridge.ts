import { formatMac } from "#base/address.ts";
import { isEqual } from "#base/equal.ts";
import { WeirError } from "#base/errors.ts";
import { type BridgeUpdate, type InterfaceUpdate, Open_vSwitch } from "#ovsdb/generated/open-vswitch.ts";
import {
  type NamedUuid,
  namedUuid,
  type Operation,
  type OvsMap,
  type OvsValue,
  ovsMap,
  ovsSet,
  type Ref,
  type Row,
  type RowValues,
  uuid,
} from "#ovsdb/index.ts";
import { GATEWAY_INTERFACE, GATEWAY_MAC, PORTS, TUNNEL_INTERFACE } from "#pipeline/layout/ports.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import type { PortReplica } from "./replica.ts";

const { insert, mutate, update, wait } = Open_vSwitch;
type BridgeRow = NonNullable<ReturnType<PortReplica["tables"]["Bridge"]["get"]>>;

export interface BridgeSettings {
  readonly bridge: string;
  readonly datapath: "system" | "netdev";
  readonly encapsulation: "always" | "never" | "hybrid";
  readonly tunnel: "geneve" | "vxlan";
  /** Of weir-gw0, as of pods; undefined while it is not known. */
  mtu?(): number | undefined;
}

export class BridgeError extends WeirError {}

interface WantedPort {
  readonly name: string;
  readonly role: "gateway" | "tunnel";
  readonly row: InterfaceUpdate;
}

/**
 * Makes the bridge with its two fixed ports, or repairs what differs, in one transaction; returns whether anything was written.
 * Pods' ports and everything else on the bridge are left alone, and so is a tunnel port that is as it should be: making it
 * anew would lose packets on all nodes' connections.
 */
export async function ensureBridge(replica: PortReplica, settings: BridgeSettings): Promise<boolean> {
  await replica.whenSynced();
  const epoch = replica.epoch;
  const operations = bridgeOperations(replica.tables, settings);
  if (operations.length === 0) return false;
  await replica.transact(operations, { epoch });
  return true;
}

/** Takes the bridge away with all its ports, pods' too; returns whether it was there. One that is not ours stays. */
export async function removeBridge(replica: PortReplica, bridge: string): Promise<boolean> {
  await replica.whenSynced();
  const found = [...replica.tables.Bridge].find(([, row]) => row.name === bridge && isOurs(row));
  if (found === undefined) return false;
  await replica.transact([mutate("Open_vSwitch", [], [["bridges", "delete", ovsSet([uuid(found[0])])]]), increment()]);
  return true;
}

/** Pure: the operations that turn what is there into what should be there; none when it is. */
export function bridgeOperations(tables: PortReplica["tables"], settings: BridgeSettings): Operation[] {
  const { bridge } = settings;
  const found = [...tables.Bridge].find(([, row]) => row.name === bridge);
  if (found !== undefined && !isOurs(found[1])) {
    throw new BridgeError(
      "E_BRIDGE_FOREIGN",
      `a bridge ${bridge} exists that Weir has not made (no external_ids:weir); give ovs.bridge another name, or remove it with: ovs-vsctl del-br ${bridge}`,
      { bridge },
    );
  }
  for (const { name } of wantedPorts(settings)) refuseElsewhere(tables, name, found?.[1]);
  return found === undefined ? createBridge(tables, settings) : repairBridge(tables, settings, found[1]);
}

function isOurs(bridge: BridgeRow): boolean {
  return bridge.external_ids.has("weir");
}

function wantedPorts({ encapsulation, tunnel, mtu }: BridgeSettings): WantedPort[] {
  const wantedMtu = mtu?.();
  const gateway: WantedPort = {
    name: GATEWAY_INTERFACE,
    role: "gateway",
    row: {
      ...{ type: "internal", ofport_request: PORTS.gateway, mac: formatMac(GATEWAY_MAC) },
      // Without it Open vSwitch sets the MTU itself, to the least of the other ports', whenever pods come and go.
      ...(wantedMtu === undefined ? {} : { mtu_request: wantedMtu }),
    },
  };
  if (encapsulation === "never") return [gateway];
  const options = ovsMap({ remote_ip: "flow", key: "flow" });
  return [
    gateway,
    { name: TUNNEL_INTERFACE, role: "tunnel", row: { type: tunnel, ofport_request: PORTS.tunnel, options } },
  ];
}

function bridgeColumns({ datapath }: BridgeSettings): BridgeUpdate {
  return { datapath_type: datapath, fail_mode: "secure", protocols: ovsSet(["OpenFlow15"]) };
}

function createBridge(tables: PortReplica["tables"], settings: BridgeSettings): Operation[] {
  const { bridge } = settings;
  const wanted: WantedPort[] = [{ name: bridge, role: "gateway", row: { type: "internal" } }, ...wantedPorts(settings)];
  const ports = wanted.map((_, i) => namedUuid(`port${i}`));
  const row = {
    ...bridgeColumns(settings),
    name: bridge,
    ports: ovsSet(ports),
    external_ids: ovsMap({ weir: "bridge" }),
  };
  const [root] = tables.Open_vSwitch.keys();
  if (root === undefined) {
    throw new BridgeError("E_BRIDGE_NO_ROOT", "the Open vSwitch database is empty; initialise it with: ovs-vsctl init");
  }
  return [
    wait("Bridge", [["name", "==", bridge]], ["name"], "==", [], { timeout: 0 }),
    ...wanted.flatMap((port, i) => insertPort(port, i, port.name === bridge ? "local" : port.role)),
    ...insertTables(),
    insert("Bridge", { ...row, flow_tables: tableReferences() }, "bridge"),
    mutate("Open_vSwitch", [["_uuid", "==", uuid(root)]], [["bridges", "insert", ovsSet([namedUuid("bridge")])]]),
    increment(),
  ];
}

/** `ovs-ofctl --names` shows them instead of numbers. */
function insertTables(): Operation[] {
  return Object.entries(TABLES).map(([name, { id }]) => insert("Flow_Table", { name }, `table${id}`));
}

function tableReferences(): OvsMap<number, NamedUuid> {
  return ovsMap(Object.values(TABLES).map(({ id }) => [id, namedUuid(`table${id}`)]));
}

function hasTableNames(tables: PortReplica["tables"], { flow_tables: references }: BridgeRow): boolean {
  if (references.size !== Object.keys(TABLES).length) return false;
  return Object.entries(TABLES).every(([name, { id }]) => {
    const reference = references.get(id);
    return reference !== undefined && tables.Flow_Table.get(reference)?.name === name;
  });
}

function insertPort(port: WantedPort, index: number, role: string): Operation[] {
  const external_ids = ovsMap({ weir: role });
  return [
    insert("Interface", { ...port.row, name: port.name, external_ids }, `interface${index}`),
    insert("Port", { name: port.name, interfaces: namedUuid(`interface${index}`), external_ids }, `port${index}`),
  ];
}

function repairBridge(tables: PortReplica["tables"], settings: BridgeSettings, current: BridgeRow): Operation[] {
  const { bridge } = settings;
  const operations: Operation[] = [];
  if (!hasTableNames(tables, current))
    operations.push(...insertTables(), update("Bridge", [["name", "==", bridge]], { flow_tables: tableReferences() }));
  const columns = differing(current, bridgeColumns(settings));
  if (columns !== undefined) operations.push(update("Bridge", [["name", "==", bridge]], columns));
  const wanted = wantedPorts(settings);
  const arriving: WantedPort[] = [];
  for (const port of wanted) {
    const row = [...tables.Interface.values()].find((one) => one.name === port.name);
    const columnsOfPort = row === undefined ? undefined : differing(row, port.row);
    if (row === undefined) arriving.push(port);
    else if (columnsOfPort !== undefined)
      operations.push(update("Interface", [["name", "==", port.name]], columnsOfPort));
  }
  const leaving = wanted.some(({ role }) => role === "tunnel") ? [] : tunnelPorts(tables, current.ports);
  const added = arriving.map((_, i) => namedUuid(`port${i}`));
  operations.push(...arriving.flatMap((port, i) => insertPort(port, i, port.role)));
  if (added.length > 0)
    operations.push(mutate("Bridge", [["name", "==", bridge]], [["ports", "insert", ovsSet(added)]]));
  if (leaving.length > 0) {
    const references = ovsSet(leaving.map((port) => uuid(port)));
    operations.push(mutate("Bridge", [["name", "==", bridge]], [["ports", "delete", references]]));
  }
  return operations.length === 0 ? [] : [...operations, increment()];
}

/** Tells vswitchd that something is new, as ovs-vsctl does. */
function increment(): Operation {
  return mutate("Open_vSwitch", [], [["next_cfg", "+=", 1]]);
}

function tunnelPorts(tables: PortReplica["tables"], ports: readonly Ref<"Port">[]): Ref<"Port">[] {
  return ports.filter((port) => tables.Port.get(port)?.external_ids.get("weir") === "tunnel");
}

function refuseElsewhere(tables: PortReplica["tables"], name: string, own: BridgeRow | undefined): void {
  const port = [...tables.Port].find(([, row]) => row.name === name);
  if (port === undefined || own?.ports.includes(port[0])) return;
  const holder = [...tables.Bridge.values()].find(({ ports }) => ports.includes(port[0]));
  const where = holder?.name ?? "nowhere";
  const message = `a port ${name} exists on bridge ${where}; remove it with: ovs-vsctl del-port ${name}`;
  throw new BridgeError("E_BRIDGE_FOREIGN", message, { port: name, bridge: where });
}

/** The columns that are not as they should be; undefined when all are. */
function differing<Columns extends RowValues>(row: Row, wanted: Columns): Partial<Columns> | undefined {
  const entries = Object.entries(wanted).filter(([column, value]) => !isEqual(row[column], plain(value)));
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<Columns>); // some of the columns
}

function plain(value: OvsValue): unknown {
  if (typeof value !== "object") return value;
  if ("set" in value) return value.set;
  return "map" in value ? new Map(value.map) : value;
}
