/**
 * What a promise is resolved with in order to be rejected, where only its
 * `resolve` is at hand.
 *
 * `resolve(Promise.reject(error))` does the same, but for a moment there is a
 * rejected promise without a handler. Deno keeps a list of these and searches
 * it from one end when a handler comes, so 100,000 actors that end together
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
