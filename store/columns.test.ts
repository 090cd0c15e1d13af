import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ColumnBuilder,
  createColumnBuilder,
  createLendingBuilder,
  createNameBook,
  readingsOf,
} from "./columns.ts";
import type { Reading } from "./reading.ts";
import { timestamp } from "./unit.ts";

const quantities = fc.dictionary(fc.constantFrom("power_w", "inlet_c", "util_pct"), fc.double({ noNaN: true }), {
  minKeys: 1,
});
const reading = fc.record({
  site: fc.constantFrom("hall-1", "hall-2"),
  device: fc.constantFrom("r-1", "r-2", "r-3"),
  ts: fc.nat().map(timestamp),
  received: fc.nat().map(timestamp),
  quantities,
  flags: fc.constantFrom<Reading["flags"]>([], ["TS_MISSING"]),
});

const addAll = (builder: ColumnBuilder, readings: readonly Reading[]) => {
  for (const one of readings) builder.addReading(one);
};

test("readings come out of columns as they went in, whoever keeps the memory", () => {
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 40 }), (readings) => {
      for (const create of [createColumnBuilder, createLendingBuilder]) {
        const builder = create(createNameBook());
        addAll(builder, readings);
        expect(builder.rows()).toBe(readings.length);
        expect(readingsOf(builder.take())).toEqual(readings);
        expect(builder.rows()).toBe(0);
      }
    }),
  );
});

test("what is lent stays as it is until it is given back, in whatever order", () => {
  const step = fc.record({ readings: fc.array(reading, { maxLength: 5 }), back: fc.nat({ max: 6 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const builder = createLendingBuilder(createNameBook());
      const out: { readonly columns: ReturnType<typeof builder.take>; readonly readings: readonly Reading[] }[] = [];
      for (const { readings, back } of steps) {
        addAll(builder, readings);
        out.push({ columns: builder.take(), readings });
        const [gone] = back < out.length ? out.splice(back, 1) : [];
        if (gone !== undefined) builder.giveBack(gone.columns);
        for (const { columns, readings: own } of out) expect(readingsOf(columns)).toEqual(own);
      }
    }),
  );
});

test("memory that was given back holds the next rows, once", () => {
  const builder = createLendingBuilder(createNameBook());
  const first = builder.take();
  const second = builder.take();
  builder.giveBack(first);
  builder.giveBack(first);
  builder.take();
  expect(builder.take().value.buffer).toBe(first.value.buffer);
  const later = [builder.take(), builder.take()].map(({ value }) => value.buffer);
  expect(later).not.toContain(first.value.buffer);
  expect(later).not.toContain(second.value.buffer);
});

test("rows and values of any number fit", () => {
  const builder = createLendingBuilder(createNameBook());
  const wide = Array.from({ length: 100 }, (_, index) => index);
  const row = { device: 1, shape: 2, ts: 3, received: 4, flags: 5 };
  for (let index = 0; index < 5000; index += 1) builder.add({ ...row, ts: index }, wide);
  const { ts, value, flags } = builder.take();
  expect(ts).toHaveLength(5000);
  expect(ts[4999]).toBe(4999);
  expect(value.subarray(499_900)).toEqual(new Float64Array(wide));
  expect(flags.every((bits) => bits === 5)).toBe(true);
});
