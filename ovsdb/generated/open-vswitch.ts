/** Tables of Open_vSwitch 8.3.1. Written by weir-ovsdb-types from the schema: do not edit. */
import {
  describeDatabase,
  type InsertOf,
  type Integer,
  type MapOf,
  type Optional,
  type Ref,
  type RowOf,
  type Scalar,
  type SetOf,
  type UpdateOf,
  type Uuid,
} from "#ovsdb/index.ts";

/** AutoAttach: A row goes by itself once nothing refers to it. */
export type AutoAttachColumns = {
  _uuid: Scalar<Ref<"AutoAttach">, "system">;
  _version: Scalar<Uuid, "system">;
  /** 0..16777215, 0..4095 */
  mappings: MapOf<number, number>;
  system_description: Scalar<string>;
  system_name: Scalar<string>;
};
export type AutoAttachRow = RowOf<AutoAttachColumns>;
export type AutoAttachInsert = InsertOf<AutoAttachColumns>;
export type AutoAttachUpdate = UpdateOf<AutoAttachColumns>;

/** Bridge: A row goes by itself once nothing refers to it. No two rows have the same name. */
export type BridgeColumns = {
  _uuid: Scalar<Ref<"Bridge">, "system">;
  _version: Scalar<Uuid, "system">;
  auto_attach: Optional<Ref<"AutoAttach">>;
  controller: SetOf<Ref<"Controller">>;
  /** ephemeral */
  datapath_id: Optional<string>;
  datapath_type: Scalar<string>;
  datapath_version: Scalar<string>;
  external_ids: MapOf<string, string>;
  fail_mode: Optional<"secure" | "standalone">;
  /** 0..4095, 0 to 4096 of them */
  flood_vlans: SetOf<number>;
  /** 0..254 */
  flow_tables: MapOf<number, Ref<"Flow_Table">>;
  ipfix: Optional<Ref<"IPFIX">>;
  mcast_snooping_enable: Scalar<boolean>;
  mirrors: SetOf<Ref<"Mirror">>;
  name: Scalar<string, "immutable">;
  netflow: Optional<Ref<"NetFlow">>;
  other_config: MapOf<string, string>;
  ports: SetOf<Ref<"Port">>;
  protocols: SetOf<"OpenFlow10" | "OpenFlow11" | "OpenFlow12" | "OpenFlow13" | "OpenFlow14" | "OpenFlow15">;
  rstp_enable: Scalar<boolean>;
  /** ephemeral */
  rstp_status: MapOf<string, string>;
  sflow: Optional<Ref<"sFlow">>;
  /** ephemeral */
  status: MapOf<string, string>;
  stp_enable: Scalar<boolean>;
};
export type BridgeRow = RowOf<BridgeColumns>;
export type BridgeInsert = InsertOf<BridgeColumns>;
export type BridgeUpdate = UpdateOf<BridgeColumns>;

/** CT_Timeout_Policy: A row goes by itself once nothing refers to it. */
export type CT_Timeout_PolicyColumns = {
  _uuid: Scalar<Ref<"CT_Timeout_Policy">, "system">;
  _version: Scalar<Uuid, "system">;
  external_ids: MapOf<string, string>;
  /** 0..4294967295 */
  timeouts: MapOf<
    | "icmp_first"
    | "icmp_reply"
    | "tcp_close"
    | "tcp_close_wait"
    | "tcp_established"
    | "tcp_fin_wait"
    | "tcp_last_ack"
    | "tcp_retransmit"
    | "tcp_syn_recv"
    | "tcp_syn_sent"
    | "tcp_syn_sent2"
    | "tcp_time_wait"
    | "tcp_unack"
    | "udp_first"
    | "udp_multiple"
    | "udp_single",
    number
  >;
};
export type CT_Timeout_PolicyRow = RowOf<CT_Timeout_PolicyColumns>;
export type CT_Timeout_PolicyInsert = InsertOf<CT_Timeout_PolicyColumns>;
export type CT_Timeout_PolicyUpdate = UpdateOf<CT_Timeout_PolicyColumns>;

/** CT_Zone: A row goes by itself once nothing refers to it. */
export type CT_ZoneColumns = {
  _uuid: Scalar<Ref<"CT_Zone">, "system">;
  _version: Scalar<Uuid, "system">;
  external_ids: MapOf<string, string>;
  timeout_policy: Optional<Ref<"CT_Timeout_Policy">>;
};
export type CT_ZoneRow = RowOf<CT_ZoneColumns>;
export type CT_ZoneInsert = InsertOf<CT_ZoneColumns>;
export type CT_ZoneUpdate = UpdateOf<CT_ZoneColumns>;

/** Controller: A row goes by itself once nothing refers to it. */
export type ControllerColumns = {
  _uuid: Scalar<Ref<"Controller">, "system">;
  _version: Scalar<Uuid, "system">;
  connection_mode: Optional<"in-band" | "out-of-band">;
  /** 25.. */
  controller_burst_limit: Optional<Integer>;
  /** 1..512 */
  controller_queue_size: Optional<number>;
  /** 100.. */
  controller_rate_limit: Optional<Integer>;
  enable_async_messages: Optional<boolean>;
  external_ids: MapOf<string, string>;
  inactivity_probe: Optional<Integer>;
  /** ephemeral */
  is_connected: Scalar<boolean>;
  local_gateway: Optional<string>;
  local_ip: Optional<string>;
  local_netmask: Optional<string>;
  /** 1000.. */
  max_backoff: Optional<Integer>;
  other_config: MapOf<string, string>;
  /** ephemeral */
  role: Optional<"master" | "other" | "slave">;
  /** ephemeral */
  status: MapOf<string, string>;
  target: Scalar<string>;
  type: Optional<"primary" | "service">;
};
export type ControllerRow = RowOf<ControllerColumns>;
export type ControllerInsert = InsertOf<ControllerColumns>;
export type ControllerUpdate = UpdateOf<ControllerColumns>;

/** Datapath: A row goes by itself once nothing refers to it. */
export type DatapathColumns = {
  _uuid: Scalar<Ref<"Datapath">, "system">;
  _version: Scalar<Uuid, "system">;
  capabilities: MapOf<string, string>;
  /** 0..65535 */
  ct_zones: MapOf<number, Ref<"CT_Zone">>;
  datapath_version: Scalar<string>;
  external_ids: MapOf<string, string>;
};
export type DatapathRow = RowOf<DatapathColumns>;
export type DatapathInsert = InsertOf<DatapathColumns>;
export type DatapathUpdate = UpdateOf<DatapathColumns>;

/** Flow_Sample_Collector_Set: No two rows have the same id, bridge. */
export type Flow_Sample_Collector_SetColumns = {
  _uuid: Scalar<Ref<"Flow_Sample_Collector_Set">, "system">;
  _version: Scalar<Uuid, "system">;
  bridge: Scalar<Ref<"Bridge">, "required">;
  external_ids: MapOf<string, string>;
  /** 0..4294967295 */
  id: Scalar<number>;
  ipfix: Optional<Ref<"IPFIX">>;
};
export type Flow_Sample_Collector_SetRow = RowOf<Flow_Sample_Collector_SetColumns>;
export type Flow_Sample_Collector_SetInsert = InsertOf<Flow_Sample_Collector_SetColumns>;
export type Flow_Sample_Collector_SetUpdate = UpdateOf<Flow_Sample_Collector_SetColumns>;

/** Flow_Table: A row goes by itself once nothing refers to it. */
export type Flow_TableColumns = {
  _uuid: Scalar<Ref<"Flow_Table">, "system">;
  _version: Scalar<Uuid, "system">;
  external_ids: MapOf<string, string>;
  /** 0.. */
  flow_limit: Optional<Integer>;
  groups: SetOf<string>;
  name: Optional<string>;
  overflow_policy: Optional<"evict" | "refuse">;
  /** 0 to 3 of them */
  prefixes: SetOf<string>;
};
export type Flow_TableRow = RowOf<Flow_TableColumns>;
export type Flow_TableInsert = InsertOf<Flow_TableColumns>;
export type Flow_TableUpdate = UpdateOf<Flow_TableColumns>;

/** IPFIX: A row goes by itself once nothing refers to it. */
export type IPFIXColumns = {
  _uuid: Scalar<Ref<"IPFIX">, "system">;
  _version: Scalar<Uuid, "system">;
  /** 0..4200 */
  cache_active_timeout: Optional<number>;
  /** 0..4294967295 */
  cache_max_flows: Optional<number>;
  external_ids: MapOf<string, string>;
  /** 0..4294967295 */
  obs_domain_id: Optional<number>;
  /** 0..4294967295 */
  obs_point_id: Optional<number>;
  other_config: MapOf<string, string>;
  /** 1..4294967295 */
  sampling: Optional<number>;
  targets: SetOf<string>;
};
export type IPFIXRow = RowOf<IPFIXColumns>;
export type IPFIXInsert = InsertOf<IPFIXColumns>;
export type IPFIXUpdate = UpdateOf<IPFIXColumns>;

/** Interface: A row goes by itself once nothing refers to it. No two rows have the same name. */
export type InterfaceColumns = {
  _uuid: Scalar<Ref<"Interface">, "system">;
  _version: Scalar<Uuid, "system">;
  /** ephemeral */
  admin_state: Optional<"down" | "up">;
  bfd: MapOf<string, string>;
  /** ephemeral */
  bfd_status: MapOf<string, string>;
  /** ephemeral */
  cfm_fault: Optional<boolean>;
  /** ephemeral */
  cfm_fault_status: SetOf<string>;
  cfm_flap_count: Optional<Integer>;
  /** 0..100, ephemeral */
  cfm_health: Optional<number>;
  cfm_mpid: Optional<Integer>;
  /** ephemeral */
  cfm_remote_mpids: SetOf<Integer>;
  /** ephemeral */
  cfm_remote_opstate: Optional<"down" | "up">;
  /** ephemeral */
  duplex: Optional<"full" | "half">;
  error: Optional<string>;
  external_ids: MapOf<string, string>;
  /** 0..4294967295, ephemeral */
  ifindex: Optional<number>;
  /** 0.. */
  ingress_policing_burst: Scalar<Integer>;
  /** 0.. */
  ingress_policing_kpkts_burst: Scalar<Integer>;
  /** 0.. */
  ingress_policing_kpkts_rate: Scalar<Integer>;
  /** 0.. */
  ingress_policing_rate: Scalar<Integer>;
  /** ephemeral */
  lacp_current: Optional<boolean>;
  /** ephemeral */
  link_resets: Optional<Integer>;
  /** ephemeral */
  link_speed: Optional<Integer>;
  /** ephemeral */
  link_state: Optional<"down" | "up">;
  lldp: MapOf<string, string>;
  mac: Optional<string>;
  /** ephemeral */
  mac_in_use: Optional<string>;
  /** ephemeral */
  mtu: Optional<Integer>;
  /** 1.. */
  mtu_request: Optional<Integer>;
  name: Scalar<string, "immutable">;
  ofport: Optional<Integer>;
  /** 1..65279 */
  ofport_request: Optional<number>;
  options: MapOf<string, string>;
  other_config: MapOf<string, string>;
  /** ephemeral */
  statistics: MapOf<string, Integer>;
  /** ephemeral */
  status: MapOf<string, string>;
  type: Scalar<string>;
};
export type InterfaceRow = RowOf<InterfaceColumns>;
export type InterfaceInsert = InsertOf<InterfaceColumns>;
export type InterfaceUpdate = UpdateOf<InterfaceColumns>;

/** Manager: A row goes by itself once nothing refers to it. No two rows have the same target. */
export type ManagerColumns = {
  _uuid: Scalar<Ref<"Manager">, "system">;
  _version: Scalar<Uuid, "system">;
  connection_mode: Optional<"in-band" | "out-of-band">;
  external_ids: MapOf<string, string>;
  inactivity_probe: Optional<Integer>;
  /** ephemeral */
  is_connected: Scalar<boolean>;
  /** 1000.. */
  max_backoff: Optional<Integer>;
  other_config: MapOf<string, string>;
  /** ephemeral */
  status: MapOf<string, string>;
  target: Scalar<string>;
};
export type ManagerRow = RowOf<ManagerColumns>;
export type ManagerInsert = InsertOf<ManagerColumns>;
export type ManagerUpdate = UpdateOf<ManagerColumns>;

/** Mirror: A row goes by itself once nothing refers to it. */
export type MirrorColumns = {
  _uuid: Scalar<Ref<"Mirror">, "system">;
  _version: Scalar<Uuid, "system">;
  external_ids: MapOf<string, string>;
  name: Scalar<string>;
  /** weak */
  output_port: Optional<Ref<"Port">>;
  /** 1..4095 */
  output_vlan: Optional<number>;
  select_all: Scalar<boolean>;
  /** weak */
  select_dst_port: SetOf<Ref<"Port">>;
  /** weak */
  select_src_port: SetOf<Ref<"Port">>;
  /** 0..4095, 0 to 4096 of them */
  select_vlan: SetOf<number>;
  /** 14..65535 */
  snaplen: Optional<number>;
  /** ephemeral */
  statistics: MapOf<string, Integer>;
};
export type MirrorRow = RowOf<MirrorColumns>;
export type MirrorInsert = InsertOf<MirrorColumns>;
export type MirrorUpdate = UpdateOf<MirrorColumns>;

/** NetFlow: A row goes by itself once nothing refers to it. */
export type NetFlowColumns = {
  _uuid: Scalar<Ref<"NetFlow">, "system">;
  _version: Scalar<Uuid, "system">;
  /** -1.. */
  active_timeout: Scalar<Integer>;
  add_id_to_interface: Scalar<boolean>;
  /** 0..255 */
  engine_id: Optional<number>;
  /** 0..255 */
  engine_type: Optional<number>;
  external_ids: MapOf<string, string>;
  /** at least 1 */
  targets: SetOf<string>;
};
export type NetFlowRow = RowOf<NetFlowColumns>;
export type NetFlowInsert = InsertOf<NetFlowColumns>;
export type NetFlowUpdate = UpdateOf<NetFlowColumns>;

/** Open_vSwitch: At most 1 row. */
export type Open_vSwitchColumns = {
  _uuid: Scalar<Ref<"Open_vSwitch">, "system">;
  _version: Scalar<Uuid, "system">;
  bridges: SetOf<Ref<"Bridge">>;
  cur_cfg: Scalar<Integer>;
  datapath_types: SetOf<string>;
  datapaths: MapOf<string, Ref<"Datapath">>;
  db_version: Optional<string>;
  dpdk_initialized: Scalar<boolean>;
  dpdk_version: Optional<string>;
  external_ids: MapOf<string, string>;
  iface_types: SetOf<string>;
  manager_options: SetOf<Ref<"Manager">>;
  next_cfg: Scalar<Integer>;
  other_config: MapOf<string, string>;
  ovs_version: Optional<string>;
  ssl: Optional<Ref<"SSL">>;
  /** ephemeral */
  statistics: MapOf<string, string>;
  system_type: Optional<string>;
  system_version: Optional<string>;
};
export type Open_vSwitchRow = RowOf<Open_vSwitchColumns>;
export type Open_vSwitchInsert = InsertOf<Open_vSwitchColumns>;
export type Open_vSwitchUpdate = UpdateOf<Open_vSwitchColumns>;

/** Port: A row goes by itself once nothing refers to it. No two rows have the same name. */
export type PortColumns = {
  _uuid: Scalar<Ref<"Port">, "system">;
  _version: Scalar<Uuid, "system">;
  bond_active_slave: Optional<string>;
  bond_downdelay: Scalar<Integer>;
  bond_fake_iface: Scalar<boolean>;
  bond_mode: Optional<"active-backup" | "balance-slb" | "balance-tcp">;
  bond_updelay: Scalar<Integer>;
  /** 0..4095, 0 to 4096 of them */
  cvlans: SetOf<number>;
  external_ids: MapOf<string, string>;
  fake_bridge: Scalar<boolean>;
  /** at least 1 */
  interfaces: SetOf<Ref<"Interface">, "required">;
  lacp: Optional<"active" | "off" | "passive">;
  mac: Optional<string>;
  name: Scalar<string, "immutable">;
  other_config: MapOf<string, string>;
  protected: Scalar<boolean>;
  qos: Optional<Ref<"QoS">>;
  /** ephemeral */
  rstp_statistics: MapOf<string, Integer>;
  /** ephemeral */
  rstp_status: MapOf<string, string>;
  /** ephemeral */
  statistics: MapOf<string, Integer>;
  /** ephemeral */
  status: MapOf<string, string>;
  /** 0..4095 */
  tag: Optional<number>;
  /** 0..4095, 0 to 4096 of them */
  trunks: SetOf<number>;
  vlan_mode: Optional<"access" | "dot1q-tunnel" | "native-tagged" | "native-untagged" | "trunk">;
};
export type PortRow = RowOf<PortColumns>;
export type PortInsert = InsertOf<PortColumns>;
export type PortUpdate = UpdateOf<PortColumns>;

export type QoSColumns = {
  _uuid: Scalar<Ref<"QoS">, "system">;
  _version: Scalar<Uuid, "system">;
  external_ids: MapOf<string, string>;
  other_config: MapOf<string, string>;
  /** 0..4294967295 */
  queues: MapOf<number, Ref<"Queue">>;
  type: Scalar<string>;
};
export type QoSRow = RowOf<QoSColumns>;
export type QoSInsert = InsertOf<QoSColumns>;
export type QoSUpdate = UpdateOf<QoSColumns>;

export type QueueColumns = {
  _uuid: Scalar<Ref<"Queue">, "system">;
  _version: Scalar<Uuid, "system">;
  /** 0..63 */
  dscp: Optional<number>;
  external_ids: MapOf<string, string>;
  other_config: MapOf<string, string>;
};
export type QueueRow = RowOf<QueueColumns>;
export type QueueInsert = InsertOf<QueueColumns>;
export type QueueUpdate = UpdateOf<QueueColumns>;

/** SSL: A row goes by itself once nothing refers to it. At most 1 row. */
export type SSLColumns = {
  _uuid: Scalar<Ref<"SSL">, "system">;
  _version: Scalar<Uuid, "system">;
  bootstrap_ca_cert: Scalar<boolean>;
  ca_cert: Scalar<string>;
  certificate: Scalar<string>;
  external_ids: MapOf<string, string>;
  private_key: Scalar<string>;
};
export type SSLRow = RowOf<SSLColumns>;
export type SSLInsert = InsertOf<SSLColumns>;
export type SSLUpdate = UpdateOf<SSLColumns>;

/** sFlow: A row goes by itself once nothing refers to it. */
export type sFlowColumns = {
  _uuid: Scalar<Ref<"sFlow">, "system">;
  _version: Scalar<Uuid, "system">;
  agent: Optional<string>;
  external_ids: MapOf<string, string>;
  header: Optional<Integer>;
  polling: Optional<Integer>;
  sampling: Optional<Integer>;
  /** at least 1 */
  targets: SetOf<string>;
};
export type sFlowRow = RowOf<sFlowColumns>;
export type sFlowInsert = InsertOf<sFlowColumns>;
export type sFlowUpdate = UpdateOf<sFlowColumns>;

export type Open_vSwitch = {
  AutoAttach: AutoAttachColumns;
  Bridge: BridgeColumns;
  CT_Timeout_Policy: CT_Timeout_PolicyColumns;
  CT_Zone: CT_ZoneColumns;
  Controller: ControllerColumns;
  Datapath: DatapathColumns;
  Flow_Sample_Collector_Set: Flow_Sample_Collector_SetColumns;
  Flow_Table: Flow_TableColumns;
  IPFIX: IPFIXColumns;
  Interface: InterfaceColumns;
  Manager: ManagerColumns;
  Mirror: MirrorColumns;
  NetFlow: NetFlowColumns;
  Open_vSwitch: Open_vSwitchColumns;
  Port: PortColumns;
  QoS: QoSColumns;
  Queue: QueueColumns;
  SSL: SSLColumns;
  sFlow: sFlowColumns;
};
export const Open_vSwitch = describeDatabase<Open_vSwitch>("Open_vSwitch");
