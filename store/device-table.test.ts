import fc from "fast-check";
import { expect, test } from "vitest";
import { createDeviceTable } from "./device-table.ts";

test("devices are numbered in the order they come, and each keeps its number", () => {
  const name = fc.record({
    site: fc.constantFrom("a", "b", "ab", "constructor"),
    device: fc.oneof(
      fc.nat(3000).map((number) => `r-${number}`),
      fc.constantFrom("b", "ab", "__proto__", ""),
    ),
  });
  fc.assert(
    fc.property(fc.array(name, { maxLength: 200 }), (names) => {
      const table = createDeviceTable();
      const expected = new Map<string, number>();
      for (const { site, device } of names) {
        const key = JSON.stringify([site, device]);
        expect(table.find(site, device)).toBe(expected.get(key));
        if (!expected.has(key)) expected.set(key, expected.size);
        expect(table.number(site, device)).toBe(expected.get(key));
      }
      expect(table.length).toBe(expected.size);
      expect(table.slice(0).map(({ site, device }) => JSON.stringify([site, device]))).toEqual([...expected.keys()]);
      expect(table.at(table.length)).toBeUndefined();
      expect(table.at(-1)).toBeUndefined();
    }),
  );
});

test("a province finds every device again", () => {
  const table = createDeviceTable();
  for (let device = 0; device < 400; device += 1)
    for (let site = 0; site < 50; site += 1) table.number(`sim-${site}`, `r-${device}`);
  expect(table.length).toBe(20_000);
  expect(table.find("sim-49", "r-399")).toBe(19_999);
  expect(table.at(50 * 17 + 4)).toEqual({ site: "sim-4", device: "r-17" });
  expect(table.find("sim-50", "r-1")).toBeUndefined();
  expect(table.slice(19_998)).toEqual([
    { site: "sim-48", device: "r-399" },
    { site: "sim-49", device: "r-399" },
  ]);
});
