/**
 * The kernel actor `node_info`: answers any actor of the cluster with the
 * figures of its node. Launchers and dashboards ask it.
 *
 * It answers this one request and changes nothing.
 */

import type { Behaviour } from "../../core/contract/self.ts";
import type { Pid } from "../../core/terms/terms.ts";
import { handler } from "../../core/contract/handler.ts";
import { Pid as PidClass } from "../../core/terms/terms.ts";

/** The request; `tag` comes back in the reply. */
export type NodeInfoRequest = {
  readonly type: "stats";
  readonly from: Pid;
  readonly tag: unknown;
};

/** The reply to `NodeInfoRequest`. */
export type NodeInfoReply = {
  readonly type: "stats";
  readonly tag: unknown;
  readonly stats: object;
};

export function nodeInfo(stats: () => object): Behaviour<NodeInfoRequest> {
  return handler(null, (state: null, message: NodeInfoRequest, self) => {
    // A registered name may be sent any message: only the request is answered.
    if (isRequest(message)) {
      self.send(message.from as Pid<NodeInfoReply>, {
        type: "stats",
        tag: message.tag,
        stats: stats(),
      });
    }
    return state;
  });
}

function isRequest(message: unknown): message is NodeInfoRequest {
  return typeof message === "object" && message !== null &&
    (message as NodeInfoRequest).type === "stats" &&
    (message as NodeInfoRequest).from instanceof PidClass;
}
