import fc from "fast-check";
import { expect, test } from "vitest";
import { advanceOnReading, advanceOnTick, type SiteClock, startClock } from "./clock.ts";

const hour = 3_600_000;
const waitMs = 60_000;
const t0 = Date.UTC(2026, 10, 21);
const read = (clock: SiteClock, ts: number, received: number) => advanceOnReading(clock, { ts, received });

test("every start is catching up", () => {
  expect(startClock()).toEqual({ mode: "catching-up", now: null, heard: false, idleSince: null });
  expect(startClock({ now: t0, heard: true })).toMatchObject({ mode: "catching-up", now: t0 });
});
test("history moves the clock by its own time", () => {
  const one = read(startClock(), t0, t0 + 9 * hour);
  expect(one).toMatchObject({ mode: "catching-up", now: t0 });
  expect(read(one, t0 + 60_000, t0 + 9 * hour)).toMatchObject({ mode: "catching-up", now: t0 + 60_000 });
});
test("an older reading never turns the clock back", () => {
  const one = read(startClock(), t0 + hour, t0 + 9 * hour);
  expect(read(one, t0, t0 + 9 * hour).now).toBe(t0 + hour);
});
test("the first reading with less than a minute of lag makes it live", () => {
  const one = read(startClock(), t0, t0 + hour);
  expect(read(one, t0 + hour, t0 + hour + 59_999)).toMatchObject({ mode: "live", now: t0 + hour + 59_999 });
  expect(read(one, t0 + hour, t0 + hour + 60_000)).toMatchObject({ mode: "catching-up", now: t0 + hour });
});
test("a live clock is receive time, whatever a late device says", () => {
  const live = read(startClock(), t0, t0);
  expect(read(live, t0 - hour, t0 + 5000)).toMatchObject({ mode: "live", now: t0 + 5000 });
});
test("a live clock follows the wall's ticks", () => {
  const live = read(startClock(), t0, t0);
  expect(advanceOnTick(live, t0 + 1000, waitMs)).toMatchObject({ mode: "live", now: t0 + 1000 });
  expect(advanceOnTick(live, t0 - 1000, waitMs).now).toBe(t0);
});
test("a clock that catches up does not follow the wall", () => {
  const one = read(startClock(), t0, t0 + hour);
  expect(advanceOnTick(one, t0 + 2 * hour, waitMs)).toMatchObject({ mode: "catching-up", now: t0 });
});
test("after the wait without a reading the clock follows the wall, silent", () => {
  const one = advanceOnTick(read(startClock(), t0, t0 + hour), t0 + hour, waitMs);
  expect(advanceOnTick(one, t0 + hour + 59_000, waitMs).mode).toBe("catching-up");
  expect(advanceOnTick(one, t0 + hour + 60_000, waitMs)).toMatchObject({ mode: "silent", now: t0 + hour + 60_000 });
});
test("a reading begins the wait anew", () => {
  const waiting = advanceOnTick(read(startClock(), t0, t0 + hour), t0 + hour, waitMs);
  const again = advanceOnTick(read(waiting, t0 + 1, t0 + hour), t0 + hour + 60_000, waitMs);
  expect(again.mode).toBe("catching-up");
});
test("a site never heard of may begin with old history after any wait", () => {
  const silent = advanceOnTick(advanceOnTick(startClock(), t0, waitMs), t0 + waitMs, waitMs);
  expect(silent).toMatchObject({ mode: "silent", now: t0 + waitMs, heard: false });
  expect(read(silent, t0 - 9 * hour, t0 + hour)).toMatchObject({ mode: "catching-up", now: t0 - 9 * hour });
});
test("a silent site that was heard takes old readings as late ones", () => {
  const one = advanceOnTick(read(startClock(), t0, t0 + hour), t0 + hour, waitMs);
  const silent = advanceOnTick(one, t0 + 2 * hour, waitMs);
  expect(read(silent, t0, t0 + 2 * hour)).toMatchObject({ mode: "silent", now: t0 + 2 * hour });
});
test("a silent site is live again with the next fresh reading", () => {
  const silent = advanceOnTick(advanceOnTick(startClock(), t0, waitMs), t0 + waitMs, waitMs);
  expect(read(silent, t0 + hour, t0 + hour)).toMatchObject({ mode: "live", now: t0 + hour });
});

test("once heard, no order of readings and ticks turns the clock back, and the same order gives the same clock", () => {
  const step = fc.record({
    tick: fc.boolean(),
    ts: fc.integer({ min: 0, max: 10 * hour }),
    lag: fc.integer({ min: 0, max: hour }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const run = (): SiteClock[] => {
        let clock = read(startClock(), 0, hour);
        return steps.map(({ tick, ts, lag }) => {
          clock = tick ? advanceOnTick(clock, ts, waitMs) : read(clock, ts, ts + lag);
          return clock;
        });
      };
      const clocks = run();
      expect(run()).toEqual(clocks);
      clocks.forEach((clock, index) => {
        expect(clock.now ?? 0).toBeGreaterThanOrEqual(clocks[index - 1]?.now ?? 0);
      });
    }),
  );
});
