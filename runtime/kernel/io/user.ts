/**
 * The kernel actor `user`: an io server, the group leader of all actors that
 * no actor has spawned. What processes on BEAM nodes print whose group leader
 * is here, such as those of an erpc from here, comes out here.
 *
 * Follows "The Erlang I/O Protocol". There is no input: whoever reads sees the
 * prompt printed, and is at the end of it. Every request is answered, since its
 * process waits.
 */

import type { Handler } from "../../core/contract/behaviour.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { type Encoding, textOf } from "./chardata.ts";
import { printErlang } from "./erlang_print.ts";
import { formatErlang, FormatError } from "./io_format.ts";
import { type Complain, kernelActor } from "../shared/kernel_actor.ts";
import { itemsOf } from "../shared/tuple_items.ts";

/**
 * Takes text that was printed. Whoever prints goes on when a promise that it
 * returns has been fulfilled.
 */
export type Output = (text: string) => void | Promise<void>;

const names = {
  request: atom("io_request"),
  reply: atom("io_reply"),
  ok: atom("ok"),
  error: atom("error"),
  eof: atom("eof"),
  unicode: atom("unicode"),
  latin1: atom("latin1"),
  ioLib: atom("io_lib"),
} as const;

export function user(output: Output, complain: Complain): Handler<unknown> {
  return kernelActor(complain, (message, self) => {
    const [kind, from, replyAs, request] = itemsOf(message);
    if (kind !== names.request || !(from instanceof Pid)) return;
    const answer = (result: unknown) => {
      const reply = new Tuple([names.reply, replyAs, result]);
      self.send(from as Pid<unknown>, reply);
    };
    const fail = (error: unknown) => {
      complain("output could not be written", error);
      answer(failure(atom("terminated")));
    };
    const { text, result } = perform(request);
    try {
      const printed = text === "" ? undefined : output(text);
      if (!(printed instanceof Promise)) {
        answer(result);
        return;
      }
      printed.then(() => answer(result)).catch(fail).catch((error: unknown) =>
        complain("a kernel actor could not answer", error)
      );
    } catch (error) {
      fail(error);
    }
  });
}

/** What a request prints, and what it is answered. */
type Done = { readonly text: string; readonly result: unknown };

function failure(reason: unknown): Tuple {
  return new Tuple([names.error, reason]);
}

function says(result: unknown): Done {
  return { text: "", result };
}

function perform(request: unknown): Done {
  if (request === atom("getopts")) {
    return says([
      new Tuple([atom("binary"), true]),
      new Tuple([atom("encoding"), names.unicode]),
    ]);
  }
  const [kind, ...parts] = itemsOf(request);
  switch (kind) {
    case atom("put_chars"):
      return putChars(parts);
    case atom("requests"):
      return performAll(parts[0]);
    case atom("get_line"):
      return reading(parts, 1);
    case atom("get_chars"):
      return reading(parts, 2);
    case atom("get_until"):
      return reading(parts, 4);
    case atom("get_password"):
      return says(names.eof);
    case atom("get_geometry"):
      return says(failure(atom("enotsup")));
    case atom("setopts"):
      return says(setOptions(parts[0]));
    default:
      return says(failure(atom("request")));
  }
}

/** One after the other, up to the first that fails. */
function performAll(requests: unknown): Done {
  if (!Array.isArray(requests)) return says(failure(atom("request")));
  let text = "";
  let result: unknown = names.ok;
  for (const request of requests as unknown[]) {
    const done = itemsOf(request)[0] === atom("requests")
      ? says(failure(atom("request")))
      : perform(request);
    text += done.text;
    result = done.result;
    if (itemsOf(result)[0] === names.error) break;
  }
  return { text, result };
}

/** Those that change nothing for somebody who only prints. */
function setOptions(options: unknown): unknown {
  const isFine = (option: unknown) =>
    option === atom("binary") || option === atom("list") ||
    [atom("binary"), atom("echo")].includes(itemsOf(option)[0] as symbol) ||
    (itemsOf(option)[0] === atom("encoding") &&
      [names.unicode, atom("utf8")].includes(itemsOf(option)[1] as symbol));
  return Array.isArray(options) && options.every(isFine)
    ? names.ok
    : failure(atom("enotsup"));
}

/**
 * `{put_chars, Encoding, Chars}` or `{put_chars, Encoding, M, F, Args}`, and
 * both without the encoding as they were once.
 */
function putChars(parts: readonly unknown[]): Done {
  const isNew = parts.length === 2 || parts.length === 4;
  const encoding = isNew ? encodingOf(parts[0]) : "latin1";
  if (encoding === null || parts.length < 1 || parts.length > 4) {
    return says(failure(atom("request")));
  }
  const rest = isNew ? parts.slice(1) : parts;
  const text = rest.length === 1 ? textOf(rest[0], encoding) : called(rest);
  return text === null
    ? says(failure(rest.length === 1 ? atom("put_chars") : rest[1]))
    : { text, result: names.ok };
}

/**
 * A request for input: a prompt and more, behind an encoding or without one.
 */
function reading(parts: readonly unknown[], length: number): Done {
  const at = parts.length - length;
  return at === 0 || at === 1
    ? { text: promptOf(parts[at]), result: names.eof }
    : says(failure(atom("request")));
}

/** As `io_lib:format_prompt/2` makes it of what may be any term. */
function promptOf(prompt: unknown): string {
  const [kind, text, args] = itemsOf(prompt);
  const formatted = kind === atom("format") ? format(text, args) : null;
  return formatted ?? atomName(prompt) ?? textOf(prompt) ?? printErlang(prompt);
}

function encodingOf(encoding: unknown): Encoding | null {
  if (encoding === names.unicode) return "unicode";
  return encoding === names.latin1 ? "latin1" : null;
}

/** The functions whose text a client has made by the server; no others are. */
function called([module, name, args]: readonly unknown[]): string | null {
  if (module !== names.ioLib || !Array.isArray(args)) return null;
  const items: readonly unknown[] = args;
  switch (name) {
    case atom("format"):
    case atom("fwrite"):
      return items.length === 2 ? format(items[0], items[1]) : null;
    case atom("write"):
      return printErlang(items[0]);
    case atom("print"):
      return printErlang(items[0], { texts: true });
    case atom("nl"):
      return "\n";
    default:
      return null;
  }
}

function format(text: unknown, args: unknown): string | null {
  try {
    return formatErlang(text, args);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
