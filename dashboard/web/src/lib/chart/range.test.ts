import { expect, test } from "vitest";
import { parseRange, withRange } from "./range.ts";

const now = 1_795_219_200_000;
const hour = 3_600_000;
const parse = (search: string) => parseRange(new URLSearchParams(search), now, now - 100 * hour);

test("a relative range moves with the clock", () => {
  expect(parse("from=now-6h")).toEqual({ from: now - 6 * hour, to: now, preset: "6h" });
  expect(parse("from=now-7d").from).toBe(now - 168 * hour);
});

test("all begins where the data begins", () => {
  expect(parse("from=all")).toEqual({ from: now - 100 * hour, to: now, preset: "all" });
});

test("a chosen range stays where it is", () => {
  expect(parse(`from=${now - 5}&to=${now - 1}`)).toEqual({ from: now - 5, to: now - 1, preset: null });
});

test("what cannot be understood is the last day", () => {
  expect(parse("").preset).toBe("24h");
  expect(parse("from=yesterday").preset).toBe("24h");
  expect(parse(`from=${now}&to=${now - 1}`).preset).toBe("24h");
});

test("an address that was written is read back, and keeps what else it says", () => {
  const zoomed = withRange(new URLSearchParams("site=hall&from=now-6h"), { from: now - 10.4, to: now });
  expect(zoomed).toBe(`?site=hall&from=${now - 10}&to=${now}`);
  expect(withRange(new URLSearchParams(zoomed), "1h")).toBe("?site=hall&from=now-1h");
});
