/**
 * The subscriptions of one node: by topic, in a dense array of pids that a
 * delivery iterates over, and by subscriber, for the cleanup when it ends.
 *
 * A subscription knows its index in both arrays. To remove it, the last
 * subscription is moved into its place, which takes constant time also among a
 * hundred thousand. So subscribers are in no fixed order.
 */

import type { Pid } from "../../runtime/mod.ts";
import type { SubscriptionEntry } from "./types.ts";

type Subscription = {
  readonly topic: Topic;
  readonly owner: Owner;
  readonly metadata: unknown;
  /** Indexes in the lists of the topic and of the owner. */
  atTopic: number;
  atOwner: number;
};

/** The subscriptions of a topic. The two lists have the same order. */
class Topic {
  readonly name: string;
  readonly pids: Pid<unknown>[] = [];
  readonly subscriptions: Subscription[] = [];
  constructor(name: string) {
    this.name = name;
  }
}

/** A subscriber, with at least one subscription. */
type Owner = {
  readonly pid: Pid<unknown>;
  readonly subscriptions: Subscription[];
};

const noPids: readonly Pid<unknown>[] = [];

export class Table {
  readonly #topics = new Map<string, Topic>();
  readonly #owners = new Map<Pid<unknown>, Owner>();

  /**
   * The subscribers of a topic, one pid for each subscription. The list is the
   * table's own and changes with it.
   */
  pids(topic: string): readonly Pid<unknown>[] {
    return this.#topics.get(topic)?.pids ?? noPids;
  }

  /** The subscriptions of a topic, as a new list. */
  entries(topic: string): SubscriptionEntry[] {
    const { subscriptions = [] } = this.#topics.get(topic) ?? {};
    return subscriptions.map(({ owner, metadata }) => ({
      pid: owner.pid,
      metadata,
    }));
  }

  has(pid: Pid<unknown>): boolean {
    return this.#owners.has(pid);
  }

  add(pid: Pid<unknown>, name: string, metadata: unknown): void {
    let topic = this.#topics.get(name);
    if (topic === undefined) this.#topics.set(name, topic = new Topic(name));
    let owner = this.#owners.get(pid);
    if (owner === undefined) {
      this.#owners.set(pid, owner = { pid, subscriptions: [] });
    }
    const subscription: Subscription = {
      topic,
      owner,
      metadata,
      atTopic: topic.pids.length,
      atOwner: owner.subscriptions.length,
    };
    topic.pids.push(pid);
    topic.subscriptions.push(subscription);
    owner.subscriptions.push(subscription);
  }

  /** Removes a subscriber's subscriptions to a topic; returns their number. */
  remove(pid: Pid<unknown>, name: string): number {
    const topic = this.#topics.get(name);
    const owner = this.#owners.get(pid);
    if (topic === undefined || owner === undefined) return 0;
    // The shorter list is searched: a subscriber may have many topics, and a
    // topic many subscribers.
    const ofOwner = owner.subscriptions;
    const ofTopic = topic.subscriptions;
    const found = (ofOwner.length <= ofTopic.length ? ofOwner : ofTopic)
      .filter((entry) => entry.topic === topic && entry.owner === owner);
    for (const subscription of found) this.#delete(subscription);
    return found.length;
  }

  /** Removes all subscriptions of a subscriber that has ended. */
  forget(pid: Pid<unknown>): void {
    const owner = this.#owners.get(pid);
    if (owner === undefined) return;
    for (const subscription of [...owner.subscriptions]) {
      this.#delete(subscription);
    }
  }

  #delete(subscription: Subscription): void {
    const { topic, owner } = subscription;
    const last = topic.subscriptions.pop() as Subscription;
    topic.pids.pop();
    if (last !== subscription) {
      last.atTopic = subscription.atTopic;
      topic.subscriptions[last.atTopic] = last;
      topic.pids[last.atTopic] = last.owner.pid;
    }
    if (topic.pids.length === 0) this.#topics.delete(topic.name);
    const lastOfOwner = owner.subscriptions.pop() as Subscription;
    if (lastOfOwner !== subscription) {
      lastOfOwner.atOwner = subscription.atOwner;
      owner.subscriptions[lastOfOwner.atOwner] = lastOfOwner;
    }
    if (owner.subscriptions.length === 0) this.#owners.delete(owner.pid);
  }
}
