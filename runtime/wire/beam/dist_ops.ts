/**
 * Numbers and bits of Erlang's control messages. `beam/control_write.ts` writes
 * control messages, `beam/control_read.ts` reads them.
 */

/** Numbers that this node sends, and older ones that it only reads. */
export const op = {
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

/** Bits of ALTACT_SIG_SEND. */
export const altact = { alias: 4, name: 8, exit: 16 } as const;

export const linkFlag = 1;
export const monitorFlag = 2;

/** Where the function of a spawn request is divided from its module. */
export const divider = ":";
