/**
 * Calls between two threads, with comlink, over a message port.
 *
 * Each side offers functions and calls those of the other side. Three things are
 * added to comlink: every call has a time limit, because a thread that is busy
 * or has ended would never answer; a call whose caller has given up is not
 * carried out later; and comlink's adapter for ports, which is slow on Deno, is
 * replaced. No other module sees comlink's types. Arguments and results are
 * structured clones. Of an error, name, message and stack arrive.
 */

import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Endpoint, expose, transfer, wrap } from "comlink";
import { clearTimer, setTimer } from "../host/event_loop.ts";

/** A call to another thread got no answer. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
  /** No answer in time, or no answer because the worker has ended. */
  readonly code: "timeout" | "ended";
  constructor(code: WorkerError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Functions that one thread offers to another, by name. */
export type Offer<A> = {
  readonly [Name in keyof A]: (...args: never[]) => unknown;
};

type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;
type Arguments<F> = F extends (...args: infer P) => unknown ? P : never;

/**
 * The state of one call in memory of both threads: `WAITING`, and then once
 * either `TAKEN` by the other thread or `GIVEN_UP` by the caller. Null for a
 * notice, which has no state.
 */
type Ticket = Int32Array<SharedArrayBuffer>;

const WAITING = 0;
const TAKEN = 1;
const GIVEN_UP = 2;

/** The one function that comlink exposes. */
type Serve = (
  ticket: Ticket | null,
  name: string,
  ...args: readonly unknown[]
) => Promise<unknown>;

/** Limit of calls that wait for an answer. */
const MAX_PENDING = 1_000;

/** Two connected ports. */
export function createPorts(): readonly [MessagePort, MessagePort] {
  const { port1, port2 } = new MessageChannel();
  return [port1, port2];
}

/** Lets the other end of the port call these functions. */
export function offer<A extends Offer<A>>(port: MessagePort, api: A): void {
  const functions = new Map<string, (...args: never[]) => unknown>(
    Object.entries(api),
  );
  const serve = (
    ticket: Ticket | null,
    name: string,
    ...args: readonly never[]
  ): unknown => {
    if (ticket !== null && !changeState(ticket, TAKEN)) return undefined;
    const called = functions.get(name);
    if (called !== undefined) return called(...args);
    throw new TypeError(`expected a function that is offered, got "${name}"`);
  };
  expose(serve, endpointOf(port));
}

function newTicket(): Ticket {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Ends the waiting of a call; false if the other thread was first. */
function changeState(ticket: Ticket, to: number): boolean {
  return Atomics.compareExchange(ticket, 0, WAITING, to) === WAITING;
}

/** A value that is sent together with the port it holds. */
export function withPort<T extends { readonly port: MessagePort }>(
  value: T,
): T {
  return transfer(value, [value.port]);
}

/** The functions that the other end of a port offers. */
export class Calls<A extends Offer<A>> {
  readonly #port: MessagePort;
  readonly #otherName: string;
  /** Kept, because comlink closes a port when its proxy is collected. */
  readonly #serve: Serve;
  /** One function for each call without an answer, which rejects the call. */
  readonly #pending = new Set<(error: WorkerError) => void>();
  /** Set by `close`, for ever; then `#pending` is empty. */
  #isClosed = false;

  /** `otherName`: the name of the other thread, for messages. */
  constructor(port: MessagePort, otherName: string) {
    this.#port = port;
    this.#otherName = otherName;
    this.#serve = wrap(endpointOf(port)) as unknown as Serve;
  }

  /**
   * Calls a function. Rejects with what it throws, or with a `WorkerError` when
   * there is no answer within `timeoutMs` or the other thread has ended. If the
   * function was not called by then, it is not called later either.
   */
  call<Name extends keyof A & string>(
    name: Name,
    args: Arguments<A[Name]>,
    timeoutMs: number,
  ): Promise<Result<A[Name]>> {
    const ticket = newTicket();
    return this.#request(
      name,
      args,
      timeoutMs,
      ticket,
      () => changeState(ticket, GIVEN_UP),
    );
  }

  /**
   * As `call`, for what must be done even after the caller has stopped waiting:
   * a record to log, news of another thread, an order to end.
   */
  notify<Name extends keyof A & string>(
    name: Name,
    args: Arguments<A[Name]>,
    timeoutMs: number,
  ): Promise<Result<A[Name]>> {
    return this.#request(name, args, timeoutMs, null, () => false);
  }

  /**
   * As `notify`, without an answer. The returned function says whether the other
   * thread has begun to carry it out, also while this thread is busy.
   */
  order<Name extends keyof A & string>(
    name: Name,
    args: Arguments<A[Name]>,
    timeoutMs: number,
  ): () => boolean {
    const ticket = newTicket();
    this.#request(name, args, timeoutMs, ticket, () => false).catch(() => {});
    return () => Atomics.load(ticket, 0) === TAKEN;
  }

  #request<Name extends keyof A & string>(
    name: Name,
    args: Arguments<A[Name]>,
    timeoutMs: number,
    ticket: Ticket | null,
    /** Withdraws the request; false if it is or will be carried out. */
    withdraw: () => boolean,
  ): Promise<Result<A[Name]>> {
    const otherName = this.#otherName;
    if (this.#isClosed) return Promise.reject(this.#hasEnded());
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(
        new WorkerError(
          "timeout",
          `expected ${otherName} to answer, but ${MAX_PENDING} calls wait already`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      const endCall = (): void => {
        clearTimer(timer);
        this.#pending.delete(fail);
      };
      const fail = (error: unknown): void => {
        withdraw();
        endCall();
        reject(error);
      };
      const timer = setTimer(() => {
        const isTaken = !withdraw();
        fail(
          new WorkerError(
            "timeout",
            `expected ${otherName} to answer within ${timeoutMs} ms, got nothing; ` +
              "a long turn of one of its actors may keep it busy; the request " +
              (isTaken ? "may still be carried out" : "is not carried out"),
          ),
        );
      }, timeoutMs);
      this.#pending.add(fail);
      try {
        this.#serve(ticket, name, ...args).then((value) => {
          endCall();
          resolve(value as Result<A[Name]>);
        }, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** The other thread has ended: rejects waiting calls and closes the port. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port.close();
    for (const fail of [...this.#pending]) fail(this.#hasEnded());
  }

  #hasEnded(): WorkerError {
    return new WorkerError("ended", `${this.#otherName} has ended`);
  }
}

function endpointOf(port: MessagePort): Endpoint {
  return {
    postMessage: (message, transferred) =>
      port.postMessage(message, [...transferred ?? []] as MessagePort[]),
    addEventListener: (type, listener) =>
      port.addEventListener(type, listener as (event: unknown) => void),
    removeEventListener: (type, listener) =>
      port.removeEventListener(type, listener as (event: unknown) => void),
    start: () => port.start(),
  };
}
