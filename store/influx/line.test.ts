import { Point } from "@influxdata/influxdb-client";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { fieldOf, readingLine } from "./line.ts";

/** The same line with its fields in order: they may come in any. */
const ordered = (line: string): string => {
  const [series = "", fields = "", ts = ""] = line.split(" ");
  return [series, fields.split(",").sort().join(","), ts].join(" ");
};

test("a line is what the client's own points give", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
  const quantity = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), fc.constantFrom("time", "flags", "received"));
  const value = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(name, name, fc.dictionary(quantity, value, { minKeys: 1 }), (site, device, quantities) => {
      const reading: Reading = { site, device, ts: timestamp(5), received: timestamp(7), quantities, flags: ["LATE"] };
      const point = new Point("reading").tag("site", site).tag("device", device).timestamp(5);
      for (const [field, number] of Object.entries(quantities)) point.floatField(fieldOf(field), number);
      point.floatField("received", 7).stringField("flags", "LATE");
      const expected = point.toLineProtocol({ convertTime: String }) ?? "";
      expect(ordered(readingLine(reading))).toBe(ordered(expected));
    }),
  );
});

test("a name that line protocol would misread is escaped", () => {
  const reading: Reading = {
    site: "a b",
    device: "c,d=e",
    ts: timestamp(1),
    received: timestamp(2),
    quantities: { power_w: 3 },
    flags: [],
  };
  expect(readingLine(reading)).toBe('reading,device=c\\,d\\=e,site=a\\ b flags="",power_w=3,received=2 1');
});
