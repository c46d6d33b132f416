/**
 * A value that rejects the promise that is resolved with it, for places that
 * have only the `resolve` of a promise.
 *
 * `resolve(Promise.reject(error))` does the same, but for a moment there is a
 * rejected promise without a handler. Deno keeps a list of these and searches
 * it from one end when a handler is added, so 100,000 actors that ended together
 * blocked its event loop for half a minute. A thenable is in no such list.
 */
export class Rejection implements PromiseLike<never> {
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  then<Fulfilled, Rejected = never>(
    _fulfilled?: ((value: never) => Fulfilled | PromiseLike<Fulfilled>) | null,
    rejected?: ((error: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): PromiseLike<Fulfilled | Rejected> {
    rejected?.(this.#error);
    return this as PromiseLike<never>;
  }
}
