/**
 * The kernel actor `user`, named as OTP's standard I/O server. It is the group
 * leader of all actors that no actor has spawned. Processes on BEAM nodes whose
 * group leader it is, such as those of an erpc from this node, print here.
 *
 * Follows "The Erlang I/O Protocol". There is no input: a request to read
 * prints its prompt and is answered with `eof`. Every request is answered,
 * because its process waits for the answer.
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
 * Takes text that was printed. If it returns a promise, the process that prints
 * waits until that is fulfilled.
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
    const { text, result } = performRequest(request);
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

/** The text that a request prints, and its answer. */
type PerformedRequest = { readonly text: string; readonly result: unknown };

function failure(reason: unknown): Tuple {
  return new Tuple([names.error, reason]);
}

function answerOnly(result: unknown): PerformedRequest {
  return { text: "", result };
}

function performRequest(request: unknown): PerformedRequest {
  if (request === atom("getopts")) {
    return answerOnly([
      new Tuple([atom("binary"), true]),
      new Tuple([atom("encoding"), names.unicode]),
    ]);
  }
  const [kind, ...parts] = itemsOf(request);
  switch (kind) {
    case atom("put_chars"):
      return putChars(parts);
    case atom("requests"):
      return performRequests(parts[0]);
    case atom("get_line"):
      return readInput(parts, 1);
    case atom("get_chars"):
      return readInput(parts, 2);
    case atom("get_until"):
      return readInput(parts, 4);
    case atom("get_password"):
      return answerOnly(names.eof);
    case atom("get_geometry"):
      return answerOnly(failure(atom("enotsup")));
    case atom("setopts"):
      return answerOnly(setOptions(parts[0]));
    default:
      return answerOnly(failure(atom("request")));
  }
}

/** Performs requests one after the other, up to the first that fails. */
function performRequests(requests: unknown): PerformedRequest {
  if (!Array.isArray(requests)) return answerOnly(failure(atom("request")));
  let text = "";
  let result: unknown = names.ok;
  for (const request of requests as unknown[]) {
    const done = itemsOf(request)[0] === atom("requests")
      ? answerOnly(failure(atom("request")))
      : performRequest(request);
    text += done.text;
    result = done.result;
    if (itemsOf(result)[0] === names.error) break;
  }
  return { text, result };
}

/** Accepts only options that change nothing for a process that only prints. */
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
 * `{put_chars, Encoding, Chars}` or `{put_chars, Encoding, M, F, Args}`; both
 * also without the encoding, as in older releases.
 */
function putChars(parts: readonly unknown[]): PerformedRequest {
  const isNew = parts.length === 2 || parts.length === 4;
  const encoding = isNew ? encodingOf(parts[0]) : "latin1";
  if (encoding === null || parts.length < 1 || parts.length > 4) {
    return answerOnly(failure(atom("request")));
  }
  const rest = isNew ? parts.slice(1) : parts;
  const text = rest.length === 1 ? textOf(rest[0], encoding) : calledText(rest);
  return text === null
    ? answerOnly(failure(rest.length === 1 ? atom("put_chars") : rest[1]))
    : { text, result: names.ok };
}

/**
 * A request for input: `length` parts that begin with a prompt. An encoding may
 * stand before them.
 */
function readInput(
  parts: readonly unknown[],
  length: number,
): PerformedRequest {
  const at = parts.length - length;
  return at === 0 || at === 1
    ? { text: promptOf(parts[at]), result: names.eof }
    : answerOnly(failure(atom("request")));
}

/** The text of a prompt, which may be any term, as `io_lib:format_prompt/2`. */
function promptOf(prompt: unknown): string {
  const [kind, text, args] = itemsOf(prompt);
  const formatted = kind === atom("format") ? format(text, args) : null;
  return formatted ?? atomName(prompt) ?? textOf(prompt) ?? printErlang(prompt);
}

function encodingOf(encoding: unknown): Encoding | null {
  if (encoding === names.unicode) return "unicode";
  return encoding === names.latin1 ? "latin1" : null;
}

/**
 * The text of `{M, F, Args}`, which a client has the server make. Null for all
 * functions but these of `io_lib`.
 */
function calledText([module, name, args]: readonly unknown[]): string | null {
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
