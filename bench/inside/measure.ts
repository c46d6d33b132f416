/**
 * Warm-up and the timed part of one run, inside the measured process.
 *
 * The warm-up repeats the part with growing counts until it takes long enough
 * to measure its speed; by then it is compiled. The timed part is one call with
 * a fixed count, so that no clock is read in between.
 */

import type { Figures, GapMeter, Plan, TimedPart } from "../row.ts";
import { GcShare } from "./gc_share.ts";
import { TimerGap } from "./timer_gap.ts";

/** Units of the first run, which is cold. */
const FIRST_UNITS = 100;
/** Limits the growth of counts, since a cold run predicts little. */
const GROWTH_MAX = 8;

export async function measure(plan: Plan, part: TimedPart): Promise<Figures> {
  const warmCount = await warmUp(plan, part);
  const count = part.exactCount ?? warmCount;
  await part.before?.();
  const gc = part.showsGc ? new GcShare() : null;
  await gc?.begin();
  const meters: GapMeter[] = [new TimerGap(), ...(part.meters ?? [])];
  await Promise.all(meters.map((meter) => meter.begin()));
  const startedAt = performance.now();
  const elapsedMs = await time(part, count);
  const gaps = await Promise.all(meters.map((meter) => meter.end()));
  return {
    rate: count * (part.unitsPerCount ?? 1) / elapsedMs * 1_000,
    count,
    elapsedMs,
    timerGapMs: Math.max(...gaps),
    extra: { ...await gc?.end(startedAt, elapsedMs), ...await part.extra?.() },
  };
}

/**
 * Returns the count of the timed part. Two runs in a row must be long enough,
 * because one may be slowed down by something else. The faster of the two
 * determines the speed.
 */
async function warmUp(plan: Plan, part: TimedPart): Promise<number> {
  const bounded = (count: number) =>
    Math.max(1, Math.min(part.maxCount, Math.ceil(count)));
  let count = bounded(
    part.firstCount ?? FIRST_UNITS / (part.unitsPerCount ?? 1),
  );
  const isLong = (elapsedMs: number) =>
    elapsedMs >= plan.warmupMs || count === part.maxCount;
  for (;;) {
    let elapsedMs = await time(part, count);
    if (isLong(elapsedMs)) {
      const first = elapsedMs;
      elapsedMs = await time(part, count);
      if (isLong(elapsedMs)) {
        return bounded(count * plan.timedMs / Math.min(first, elapsedMs));
      }
    }
    const wanted = 1.2 * plan.warmupMs / elapsedMs;
    count = bounded(count * Math.max(2, Math.min(GROWTH_MAX, wanted)));
  }
}

async function time(part: TimedPart, count: number): Promise<number> {
  const startedAt = performance.now();
  await part.run(count);
  // Never zero, because it is a divisor.
  return Math.max(1e-6, performance.now() - startedAt);
}
