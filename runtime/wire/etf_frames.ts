/**
 * What is being written around the current value, and the path to it.
 *
 * The writer keeps this list itself instead of calling itself, so that a deep
 * term needs no stack.
 */

import { ImproperList } from "../core/terms.ts";
import { termPath } from "./cbor_path.ts";
import type { OutputMark } from "./etf_output.ts";

/** Kinds of frames: what their items are, and what comes behind them. */
export const frames = {
  items: 0,
  /** Items of a list, and `nil` behind them. */
  list: 1,
  /** Keys of the object that is the container. */
  object: 2,
  /** What a closure has closed over; then its size is known. */
  closure: 3,
} as const;

export type FrameKind = (typeof frames)[keyof typeof frames];

const nothing: readonly never[] = [];

/** A container and what is left of it. */
export class Frame {
  kind: FrameKind = frames.items;
  container: object = nothing;
  items: readonly unknown[] = nothing;
  /** Of an object: the bytes of its keys. */
  atoms: readonly Uint8Array[] = nothing;
  index = 0;
  count = 0;
  /** Of a closure: where its size goes. */
  mark: OutputMark | null = null;

  /** Lets go of what it held. */
  clear(): void {
    this.container = nothing;
    this.items = nothing;
  }
}

/** A step of a path: the container, and the key or index inside it. */
export type Step = readonly [container: object, key: string | number];

/** The path to the current item of the innermost frame, and one step more. */
export function framesPath(
  root: string,
  around: readonly Frame[],
  more?: Step,
): string {
  const steps = around.map(stepOf);
  if (more !== undefined) steps.push(more);
  return termPath(
    root,
    steps.map(([container]) => container),
    steps.map(([, key]) => key),
  );
}

function stepOf(frame: Frame): Step {
  const { container, items } = frame;
  const index = frame.index - 1;
  if (frame.kind === frames.object) return [container, items[index] as string];
  if (container instanceof Map || container instanceof Set) {
    // Their items are keys with values between them, in an order of their own.
    const step = keyStep(container, items[index & ~1]);
    return [container, typeof step === "number" ? step + index % 2 : step];
  }
  const isTail = container instanceof ImproperList &&
    index === container.items.length;
  return [container, isTail ? "tail" : index];
}

/** A key of a map, an object or a set, as `termPath` wants it. */
export function keyStep(container: object, key: unknown): string | number {
  if (container instanceof Map) {
    return 2 * Array.from(container.keys()).indexOf(key);
  }
  if (container instanceof Set) return Array.from(container).indexOf(key);
  return String(key);
}
