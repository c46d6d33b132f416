/**
 * A limited number of places for clients that have not proved the cookie yet,
 * such as handshakes. When all places are held, a newcomer is not refused: a
 * client that has a place gives it up. So clients that hold places and do
 * nothing keep no other client out.
 *
 * The client that gives way, while there is no free place, is:
 *
 * - one of the address that holds the most places. An address from which a node
 *   has proved the cookie counts a quarter of its places. Without scarcity, an
 *   address may hold all places: on one machine all honest nodes have the same
 *   address.
 * - of that address, one that has sent nothing useful (`isSilent`) before one
 *   that has,
 * - and the oldest of these.
 */

/** What `Slots` keeps of a client that holds a place. */
type Holders<T> = {
  /** Holders that have not spoken yet, oldest first. */
  readonly silent: Set<T>;
  /** Holders that have, oldest first. */
  readonly speaking: Set<T>;
};

/** Proved addresses that are remembered. */
const MAX_PROVED = 1_024;

/** By how much the places of a proved address are divided. */
const PROVED_SHARE = 4;

/** Places by address. Holders are any objects. */
export class Slots<T> {
  readonly #max: number;
  /** Every holder, with its address; at most `max`. */
  readonly #addressOf = new Map<T, string>();
  /** The holders of each address. No address is without a holder. */
  readonly #holders = new Map<string, Holders<T>>();
  /** Addresses that were proved, least recently proved first. */
  readonly #proved = new Set<string>();

  /** `max`: number of places, at least 1. */
  constructor(max: number) {
    this.#max = Math.max(1, max);
  }

  get size(): number {
    return this.#addressOf.size;
  }

  has(holder: T): boolean {
    return this.#addressOf.has(holder);
  }

  /** The holders. */
  all(): T[] {
    return [...this.#addressOf.keys()];
  }

  /**
   * Gives the holder a place. Returns the holder that has lost its place for
   * that and must be closed, or null when a place was free.
   */
  take(holder: T, address: string): T | null {
    const loser = this.#addressOf.size < this.#max
      ? null
      : this.#loser(address);
    if (loser !== null) this.release(loser);
    this.#addressOf.set(holder, address);
    let holders = this.#holders.get(address);
    if (holders === undefined) {
      holders = { silent: new Set(), speaking: new Set() };
      this.#holders.set(address, holders);
    }
    holders.silent.add(holder);
    return loser;
  }

  /** The holder has sent what it was to send first. */
  hasSpoken(holder: T): void {
    const holders = this.#holdersWith(holder);
    if (holders?.silent.delete(holder)) holders.speaking.add(holder);
  }

  /** Frees the place of a holder, if it has one. Returns whether it had. */
  release(holder: T): boolean {
    const address = this.#addressOf.get(holder);
    if (address === undefined) return false;
    this.#addressOf.delete(holder);
    const holders = this.#holders.get(address)!;
    holders.silent.delete(holder);
    holders.speaking.delete(holder);
    if (holders.silent.size + holders.speaking.size === 0) {
      this.#holders.delete(address);
    }
    return true;
  }

  /** The address of the holder is preferred from now on. */
  prove(holder: T): void {
    const address = this.#addressOf.get(holder);
    if (address === undefined) return;
    this.#proved.delete(address);
    this.#proved.add(address);
    if (this.#proved.size <= MAX_PROVED) return;
    for (const oldest of this.#proved) {
      this.#proved.delete(oldest);
      return;
    }
  }

  #holdersWith(holder: T): Holders<T> | undefined {
    const address = this.#addressOf.get(holder);
    return address === undefined ? undefined : this.#holders.get(address);
  }

  /** The holder that gives way to a newcomer of this address. */
  #loser(newcomer: string): T | null {
    let fullest: Holders<T> | null = null;
    let most = 0;
    for (const [address, holders] of this.#holders) {
      const held = holders.silent.size + holders.speaking.size +
        (address === newcomer ? 1 : 0);
      const counted = this.#proved.has(address) ? held / PROVED_SHARE : held;
      // Of equal addresses, the one that took its first place earliest.
      if (counted <= most) continue;
      most = counted;
      fullest = holders;
    }
    if (fullest === null) return null;
    for (const oldest of fullest.silent) return oldest;
    for (const oldest of fullest.speaking) return oldest;
    return null;
  }
}
