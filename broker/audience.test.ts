import fc from "fast-check";
import { expect, test } from "vitest";
import { createAudience } from "./audience.ts";

test("filters that match telemetry of a device are heard, others not", () => {
  hears("dc/demo/r-1/telemetry");
  hears("#");
  hears("+/#");
  hears("dc/#");
  hears("dc/+/r-1/+");
  hears("dc/demo/+/telemetry/#");
  hears("+/+/+/+");
  hearsNot("dc/demo/r-2/telemetry");
  hearsNot("dc/demo/r-1/status");
  hearsNot("dc/demo/r-1");
  hearsNot("+/+/+");
  hearsNot("dc/demo/account/#");
  hearsNot("dc/demo/r-1/telemetry/+");
  hearsNot("$SYS/#");
});

test("what is added twice must be removed twice", () => {
  const audience = createAudience();
  audience.add("dc/#");
  audience.add("dc/#");
  audience.remove("dc/#");
  expect(audience.hears("demo", "r-1")).toBe(true);
  audience.remove("dc/#");
  expect(audience.hears("demo", "r-1")).toBe(false);
});

test("filters that cannot match telemetry leave the version alone", () => {
  const audience = createAudience();
  audience.add("dc/demo/+/status");
  audience.add("$SYS/#");
  expect(audience.version).toBe(0);
  audience.remove("dc/demo/+/status");
  audience.add("dc/demo/r-1/telemetry");
  expect(audience.version).toBe(1);
});

test("any mix of filters is judged as each filter alone", () => {
  const level = fc.constantFrom("dc", "demo", "r-1", "telemetry", "+", "x");
  const filter = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all ? ["#"] : [])].join("/"));
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 6 }), fc.array(filter, { maxLength: 4 }), (kept, removed) => {
      const audience = createAudience();
      for (const each of [...kept, ...removed]) audience.add(each);
      for (const each of removed) audience.remove(each);
      expect(audience.hears("demo", "r-1")).toBe(kept.some((each) => matches(each, "dc/demo/r-1/telemetry")));
    }),
  );
});

function hears(filter: string): void {
  expect(heardBy(filter)).toBe(true);
}

function hearsNot(filter: string): void {
  expect(heardBy(filter)).toBe(false);
}

function heardBy(filter: string): boolean {
  const audience = createAudience();
  audience.add(filter);
  return audience.hears("demo", "r-1");
}

/** MQTT 3.1.1 §4.7.1, as a regular expression. */
function matches(filter: string, topic: string): boolean {
  const pattern = filter.replaceAll("+", "[^/]*").replace(/^#$/, ".*").replace(/\/#$/, "(/.*)?");
  return new RegExp(`^${pattern}$`).test(topic);
}
