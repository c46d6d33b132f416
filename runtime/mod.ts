/**
 * Hornbeam: actors, links, monitors and nodes that form a cluster.
 *
 * The public face of the runtime: everything a program imports from
 * `hornbeam`, and nothing else.
 */

export { memoryNetwork, start, systemHost } from "./start.ts";
export type { StartOptions } from "./start_options.ts";
export { environment } from "./platform/runtime.ts";
export { createLog, type LogOptions } from "./platform/log.ts";
export {
  onTermination,
  type TerminationSignal,
} from "./platform/termination.ts";
export type { Pem, TlsOptions } from "./platform/tls_options.ts";
export { type NodeStats, RunningNode } from "./running_node.ts";
export type {
  WorkerCallOptions,
  WorkerExit,
  WorkerNode,
  WorkerOptions,
  WorkerState,
} from "./worker_node.ts";
export { WorkerError } from "./platform/worker_control.ts";
export {
  type ActorFunction,
  type AnyBehaviour,
  type Behaviour,
  type Destination,
  type ExportedBehaviour,
  type MonitorOptions,
  type OfType,
  type ReadySpawn,
  type ReceiveOptions,
  type RemoteSpawn,
  type RemoteSpawnOptions,
  type Self,
  type SendOutcome,
  type SpawnOptions,
  type TrySendOptions,
} from "./core/self.ts";
export {
  asyncHandler,
  type AsyncMessageHandler,
  Handler,
  handler,
  type HandlerOptions,
  type MessageHandler,
  Stop,
  stop,
  type SystemHooks,
} from "./core/handler.ts";
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
} from "./core/terms.ts";
export { compareTerms, termEquals } from "./core/term_order.ts";
export { type MapKey, mapKey } from "./core/map_key.ts";
export { termKey } from "./core/term_key.ts";
export { Shared } from "./core/shared.ts";
export {
  Call,
  type CallOptions,
  type CallTarget,
  Cast,
  type ReplyTo,
  SystemRequest,
} from "./core/calls.ts";
export { type ActorStatistics, sys } from "./core/sys.ts";
export type { DebugFunction, SystemEvent } from "./core/debugging.ts";
export type { ExportedFunction } from "./core/functions.ts";
export {
  CallError,
  Down,
  Exit,
  ExitError,
  KilledError,
  type NamedTarget,
  NodeBusy,
  NodeDown,
  NodeSuspect,
  NodeUp,
  reasons,
  SpawnError,
  Timeout,
  UsageError,
  type Via,
  type ViaTarget,
} from "./core/messages.ts";
export type { ActorInfo } from "./core/info.ts";
export {
  MailboxFullError,
  type MailboxOptions,
  type MailboxPolicy,
} from "./core/mailbox_limit.ts";
export type { Schema, SchemaResult } from "./core/patterns.ts";
export type { ExitReason } from "./core/signal.ts";
export type {
  Capabilities,
  Host,
  LogLevel,
  LogRecord,
  SteppedScheduler,
} from "./core/ports.ts";
export type { Discovery, NodeAddress } from "./net/discovery.ts";
export type { ConnectionEvent, NodeEvent } from "./core/node_events.ts";
export type { ConnectOutcome } from "./net/distribution.ts";
export type { ConnectionInfo } from "./net/connection_info.ts";
export type { DistributionLimits } from "./net/limits.ts";
export {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
  type Network,
} from "./net/carrier.ts";
export type { MemoryLink, MemoryNetwork } from "./net/memory.ts";
export { DuplicateNameError } from "./net/epmd_client.ts";
export { BusyError } from "./net/peer.ts";
export { DecodeError, EncodeError } from "./wire/errors.ts";
export { NodeNameError, parseNodeName } from "./wire/node_name.ts";
export type { NodeInfoReply, NodeInfoRequest } from "./kernel/node_info.ts";
export { erpc } from "./kernel/erpc.ts";
export {
  type ErpcRequest,
  ErpcRequests,
  type ErpcResult,
  type LabelledResponse,
} from "./kernel/erpc_requests.ts";
export { ErpcError } from "./kernel/erpc_error.ts";
export {
  global,
  type GlobalSelf,
  type LockName,
  type LockOptions,
  type NameOptions,
  type OnNode,
  type TransResult,
} from "./kernel/global.ts";
export type { GlobalInside } from "./kernel/global_actor.ts";
export type { Resolver, ResolverFunction } from "./kernel/global_resolve.ts";
export type { GlobalOptions } from "./kernel/global_server.ts";
export { ping, type PingSelf } from "./kernel/net_kernel.ts";
export { type GroupMonitor, Pg, pg, type ScopeMonitor } from "./kernel/pg.ts";
export { pg2, Pg2Error, type Pg2Options } from "./kernel/pg2.ts";
export { GroupJoin, GroupLeave } from "./kernel/pg_events.ts";
export type { AtActor, AtNode } from "./kernel/at_node.ts";
export type { Output } from "./kernel/user.ts";
