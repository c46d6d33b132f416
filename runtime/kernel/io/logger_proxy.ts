/**
 * The kernel actor `logger_proxy`: writes to this node's log the log events of
 * processes on BEAM nodes whose group leader is an actor here.
 *
 * A BEAM node sends `{log, Level, Format, Args, Meta}` or `{log, Level,
 * StringOrReport, Meta}` (OTP's `logger`), and does not log the event itself.
 * Reports are printed as terms: the function that would format them is on the
 * other node.
 */

import type { Node } from "../../core/node/node.ts";
import type { LogLevel } from "../../core/host/ports.ts";
import type { Handler } from "../../core/contract/behaviour.ts";
import { atom, Pid } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { textOf } from "./chardata.ts";
import { printErlang } from "./erlang_print.ts";
import { formatErlang } from "./io_format.ts";
import { type Complain, kernelActor } from "../shared/kernel_actor.ts";
import { itemsOf } from "../shared/tuple_items.ts";

/** OTP's eight levels as ours; the field `level` keeps OTP's. */
const levels: Readonly<Record<string, LogLevel>> = {
  emergency: "error",
  alert: "error",
  critical: "error",
  error: "error",
  warning: "warning",
  notice: "info",
  info: "info",
  debug: "debug",
};

/** Longer messages are cut. */
const MAX_LENGTH = 8_000;

const log = atom("log");

export function loggerProxy(node: Node, complain: Complain): Handler<unknown> {
  return kernelActor(complain, (message) => {
    const items = itemsOf(message);
    const isFormat = items.length === 5;
    const level = atomName(items[1]);
    if (
      items[0] !== log || level === undefined ||
      (!isFormat && items.length !== 4)
    ) return;
    const text = isFormat ? formatted(items[2], items[3]) : shown(items[2]);
    const { pid, mfa } = metaOf(items.at(-1));
    node.log(
      Object.hasOwn(levels, level) ? levels[level] as LogLevel : "info",
      "logger",
      text.slice(0, MAX_LENGTH),
      {
        level,
        ...(pid instanceof Pid ? { pid: String(pid), from: pid.node } : {}),
        ...(mfa === undefined ? {} : { mfa: printErlang(mfa) }),
      },
    );
  });
}

/** A format that does not fit its arguments is shown together with them. */
function formatted(format: unknown, args: unknown): string {
  try {
    return formatErlang(format, args);
  } catch {
    return `${shown(format)} ${printErlang(args, { texts: true })}`;
  }
}

/** A text, or a report. */
function shown(what: unknown): string {
  return textOf(what) ?? printErlang(what, { texts: true });
}

function metaOf(meta: unknown): Readonly<Record<string, unknown>> {
  return typeof meta === "object" && meta !== null && !(meta instanceof Map)
    ? meta as Readonly<Record<string, unknown>>
    : {};
}
