/**
 * Hornbeam: actors, links, monitors and nodes that form a cluster.
 *
 * The public face of the runtime: all that a program can import from
 * `hornbeam`.
 */

export { memoryNetwork, start, systemHost } from "./start.ts";
export type { StartOptions } from "./start_options.ts";
export { environment } from "./platform/host/runtime.ts";
export { createLog, type LogOptions } from "./platform/host/log.ts";
export {
  onTermination,
  type TerminationSignal,
} from "./platform/host/termination.ts";
export type { Pem, TlsOptions } from "./platform/sockets/tls_options.ts";
export type { NodeStats, WorkerState } from "./node_stats.ts";
export { RunningNode } from "./running_node.ts";
export type {
  WorkerCallOptions,
  WorkerExit,
  WorkerNode,
  WorkerOptions,
} from "./workers/types.ts";
export { WorkerError } from "./platform/workers/control.ts";
export type {
  ActorFunction,
  Behaviour,
  CallOptions,
  CallTarget,
  Destination,
  MonitorOptions,
  NodeHandle,
  OfType,
  ReadySpawn,
  ReceiveOptions,
  RemoteSpawn,
  RemoteSpawnOptions,
  Self,
  SendOutcome,
  SpawnOptions,
  TrySendOptions,
  Via,
  ViaTarget,
} from "./core/contract/self.ts";
export { errorStack, errorText, isError } from "./core/terms/error_text.ts";
export {
  type AnyBehaviour,
  type ExportedBehaviour,
  Handler,
  Stop,
} from "./core/contract/behaviour.ts";
export {
  asyncHandler,
  type AsyncMessageHandler,
  handler,
  type HandlerOptions,
  type MessageHandler,
  stop,
  type SystemHooks,
} from "./core/contract/handler.ts";
export {
  type Atom,
  atom,
  BitString,
  Closure,
  ExternalFun,
  Float,
  float,
  ImproperList,
  Pid,
  Port,
  printTerm,
  Ref,
  Tuple,
  tuple,
} from "./core/terms/terms.ts";
export { compareTerms, termEquals } from "./core/terms/order.ts";
export { type MapKey, mapKey } from "./core/terms/map_key.ts";
export { termKey } from "./core/terms/key.ts";
export { Shared } from "./core/terms/shared.ts";
export {
  Call,
  Cast,
  type ReplyTo,
  SystemRequest,
} from "./core/messages/requests.ts";
export type { ReceivedSignal, Trace } from "./core/host/trace.ts";
export type { MonitorTarget, Signal, SpawnFlags } from "./core/host/signal.ts";
export { type ActorStatistics, sys } from "./core/sys/sys.ts";
export type {
  DebugFunction,
  SystemEvent,
} from "./core/contract/debug_state.ts";
export type { ExportedFunction } from "./core/node/functions.ts";
export {
  CallError,
  ExitError,
  KilledError,
  MailboxFullError,
  SpawnError,
  UsageError,
} from "./core/messages/errors.ts";
export {
  option,
  type OptionRule,
  type OptionRules,
  OptionTable,
} from "./core/messages/options.ts";
export {
  Down,
  Exit,
  NodeBusy,
  NodeDown,
  NodeSuspect,
  NodeUp,
  Timeout,
} from "./core/messages/runtime_messages.ts";
export type { NamedTarget } from "./core/messages/named_target.ts";
export {
  type ExitReason,
  readableReason,
  reasons,
} from "./core/messages/reasons.ts";
export { mustBeReason } from "./core/messages/reserved_reasons.ts";
export type { ActorInfo } from "./core/contract/actor_info.ts";
export type { MailboxOptions, MailboxPolicy } from "./core/mailbox/options.ts";
export type { Schema, SchemaResult } from "./core/mailbox/patterns.ts";
export type {
  Capabilities,
  Host,
  LogLevel,
  LogRecord,
  SteppedScheduler,
} from "./core/host/ports.ts";
export type { Discovery, NodeAddress } from "./net/epmd/discovery.ts";
export type { ConnectionEvent, NodeEvent } from "./core/signals/node_events.ts";
export type { ConnectOutcome } from "./net/peers/connect_waiters.ts";
export type { ConnectionInfo } from "./net/distribution/connection_info.ts";
export type { DistributionLimits } from "./net/distribution/limits.ts";
export {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
  type Network,
} from "./net/carrier/carrier.ts";
export type { MemoryLink, MemoryNetwork } from "./net/carrier/memory.ts";
export { DuplicateNameError } from "./net/epmd/client.ts";
export { BusyError } from "./net/peers/peer.ts";
export { DecodeError, EncodeError } from "./wire/shared/errors.ts";
export { NodeNameError, parseNodeName } from "./wire/shared/node_name.ts";
export type {
  NodeInfoReply,
  NodeInfoRequest,
} from "./kernel/node/node_info.ts";
export { erpc } from "./kernel/rpc/erpc.ts";
export {
  type ErpcRequest,
  ErpcRequests,
  type ErpcResult,
  type LabelledResponse,
} from "./kernel/rpc/requests.ts";
export { ErpcError } from "./kernel/rpc/error.ts";
export {
  global,
  type GlobalSelf,
  type LockName,
  type LockOptions,
  type NameOptions,
  type OnNode,
  type TransResult,
} from "./kernel/global/global.ts";
export type { GlobalInside } from "./kernel/global/local_names.ts";
export type {
  Resolver,
  ResolverFunction,
} from "./kernel/global/names/resolve.ts";
export type { GlobalOptions } from "./kernel/global/server.ts";
export { ping, type PingSelf } from "./kernel/node/net_kernel.ts";
export {
  type GroupMonitor,
  Pg,
  pg,
  type ScopeMonitor,
} from "./kernel/groups/pg.ts";
export { pg2, Pg2Error, type Pg2Options } from "./kernel/groups/pg2.ts";
export { GroupJoin, GroupLeave } from "./kernel/groups/pg_events.ts";
export type { AtActor, AtNode } from "./kernel/shared/self_or_node.ts";
export type { Output } from "./kernel/io/user.ts";
