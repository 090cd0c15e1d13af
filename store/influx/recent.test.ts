import { expect, test } from "vitest";
import { timestamp } from "../unit.ts";
import { createRecent } from "./recent.ts";

const entry = (seq: number, value = seq) => ({
  reading: {
    site: "demo",
    device: "r-1",
    ts: timestamp(seq),
    received: timestamp(seq),
    quantities: { power_w: value },
    flags: [],
  },
  undecided: false,
  seq,
});
const key = (seq: number) => `demo/r-1@${seq}`;

test("everything from the floor on is found, and never more than the limit is kept", () => {
  const recent = createRecent(100, 5);
  for (let seq = 5; seq < 1000; seq++) {
    recent.put(entry(seq));
    expect(seq - recent.floor()).toBeLessThan(100);
    for (const at of [recent.floor(), seq]) expect(recent.find(key(at))?.seq).toBe(at);
    expect(recent.find(key(recent.floor() - 1))).toBeUndefined();
  }
  expect(999 - recent.floor()).toBeGreaterThanOrEqual(49);
});

test("of one time the newest is found", () => {
  const recent = createRecent(4, 0);
  for (let seq = 0; seq < 3; seq++) recent.put(entry(seq));
  const { reading } = entry(1, 7);
  recent.put({ reading, undecided: false, seq: 3 });
  expect(recent.find(key(1))?.reading.quantities).toEqual({ power_w: 7 });
});
