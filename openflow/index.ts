/** The OpenFlow room: values (match, action, flow), their bytes, their ovs-ofctl text. */

export type { Action, ActionOf, ActionType, LearnSpec, NatSpec, Subfield } from "./actions.ts";
export type { TlsOptions } from "./address.ts";
export {
  type ConnectOptions,
  connectOpenFlow,
  type OpenFlowConnection,
  type Refusal,
  type RequestOptions,
  type TransactionResult,
} from "./connection.ts";
export { ConnectionError, DecodeError, EncodeError, FlowSyntaxError, OpenFlowError } from "./errors.ts";
export { FIELDS, type Field, type FieldName, findFieldByName } from "./fields.ts";
export {
  type Bucket,
  type Flow,
  flowKey,
  type Group,
  METER_FLAGS,
  type Meter,
  type MeterBand,
  sameFlow,
} from "./flow.ts";
export { type KeepOptions, keepConnected } from "./keep-connected.ts";
export { type ListenOptions, listenOpenFlow, type OpenFlowListener } from "./listen.ts";
export {
  type FieldMatch,
  type FieldValue,
  type Match,
  type MatchSpec,
  type MatchTerm,
  match,
  matchKey,
} from "./match.ts";
export {
  decode,
  encode,
  encodeInto,
  type Message,
  type MessageOf,
  type MessageType,
  type WireVersion,
} from "./messages/message.ts";
export { isPacketIn, type PacketIn, PacketIns } from "./packet-ins.ts";
export { OFPP } from "./ports.ts";
export {
  formatActions,
  formatFlow,
  formatMatch,
  type NameOptions,
  parseActions,
  parseFlow,
  parseFlows,
  parseMatch,
} from "./text/index.ts";
export { formatMessage, type Printed, printMessage } from "./text/message/index.ts";
