/**
 * The numbers of control messages: one table for both codecs.
 *
 * Follows the Erlang/OTP documentation, "Protocol between Connected Nodes". Two
 * Hornbeam nodes use some of these numbers with the same meaning; what the
 * message looks like there is in `cbor/control.ts`.
 */

/**
 * Number of each control message, by its name in the protocol. `Tt` marks the
 * variant with a trace token, which is read and never sent.
 */
export const ops = {
  link: 1,
  send: 2,
  exit: 3,
  unlink: 4,
  regSend: 6,
  groupLeader: 7,
  exit2: 8,
  sendTt: 12,
  exitTt: 13,
  regSendTt: 16,
  exit2Tt: 18,
  monitorP: 19,
  demonitorP: 20,
  monitorPExit: 21,
  sendSender: 22,
  sendSenderTt: 23,
  payloadExit: 24,
  payloadExitTt: 25,
  payloadExit2: 26,
  payloadExit2Tt: 27,
  payloadMonitorPExit: 28,
  spawnRequest: 29,
  spawnRequestTt: 30,
  spawnReply: 31,
  spawnReplyTt: 32,
  aliasSend: 33,
  aliasSendTt: 34,
  unlinkId: 35,
  unlinkIdAck: 36,
  altactSend: 37,
} as const;

/**
 * The name under which errors show the payload of a control message that a node
 * sends; "signal" for one without a payload.
 */
export function payloadName(op: number): string {
  switch (op) {
    case ops.send:
    case ops.sendSender:
    case ops.regSend:
    case ops.aliasSend:
      return "message";
    case ops.payloadExit:
    case ops.payloadExit2:
    case ops.payloadMonitorPExit:
      return "reason";
    case ops.spawnRequest:
      return "args";
    default:
      return "signal";
  }
}
