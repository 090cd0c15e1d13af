import { fires } from "./evaluate.ts";
import type { Rule } from "./rule.ts";

// Just under the number of good readings that any rule asks for, and well over it.
const streaks = [0, 1e9];
const known = new Set(["age_s", "interval_s", "good_samples"]);

/**
 * The silence, ms, up to which a rule about reporting fires for no device of that interval; -1 when there is none. A
 * rule says by `look_after_s` when its judgement may change, so what holds at no silence holds until the first look.
 */
export const createCalm = (rule: Rule): ((intervalMs: number) => number) => {
  const limits = new Map<number, number>();
  const limitOf = (intervalMs: number): number => {
    const isPlain = rule.blind === null && rule.windows.length + rule.companions.length === 0;
    if (rule.lookAfterS.length === 0 || !isPlain || !rule.inputs.every((name) => known.has(name))) return -1;
    const interval_s = intervalMs / 1000;
    const context = { ...rule.parameters, interval_s };
    const looks = rule.lookAfterS.map((expression) => Number(expression.run(context) ?? 0));
    const first = Math.min(...looks);
    const isLoud = [0, first].some((age_s) =>
      streaks.some((good_samples) => fires(rule, { age_s, interval_s, good_samples })),
    );
    return isLoud ? -1 : first * 1000;
  };
  return (intervalMs) => {
    let limit = limits.get(intervalMs);
    if (limit === undefined) {
      limit = limitOf(intervalMs);
      limits.set(intervalMs, limit);
    }
    return limit;
  };
};
