import fc from "fast-check";
import { expect, test } from "vitest";
import { createBodyWriter, createKeptReader, keptOf } from "./kept.ts";
import type { Json } from "./ledger.ts";

const bytesOf = (kept: string | Uint8Array): Uint8Array =>
  typeof kept === "string" ? new TextEncoder().encode(kept) : kept;
const isTable = (kept: Uint8Array): boolean => kept[0] === 1;

const number = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    1e-7,
    1e21,
    -1e300,
    5e-324,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 31),
    0.1,
    0.30000000000000004,
    100.05,
  ),
  fc.integer({ min: -300, max: 300 }),
  fc.integer().map((value) => value / 1000),
);
const value = fc.oneof(
  number,
  fc.constantFrom(null, true, false, undefined, Number.NaN, Number.POSITIVE_INFINITY),
  fc.constantFrom("MEASURED", 'a "quoted" name', "绿电", "\u0000\ud800", ""),
  fc.array(fc.constantFrom("COUNTER_RESET", 7, null, undefined), { maxLength: 2 }),
  fc.record({ registerWh: number, powerWh: fc.option(number) }),
  fc.constantFrom({}, [], [[]], { "2": 1, "1": { __proto__: null, a: null } }),
);
const name = fc.oneof(
  fc.constantFrom("meanW", "forwardWh", "check", "flags", "10", "9", "__proto__", "constructor", "toJSON", "-1", "ü"),
  fc.string({ maxLength: 4 }),
);
const own = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown> => {
  const made: Record<string, unknown> = {};
  for (const [key, one] of entries)
    Object.defineProperty(made, key, { value: one, enumerable: true, configurable: true, writable: true });
  return made;
};
const row = fc.array(fc.tuple(name, value), { maxLength: 6 }).map(own);
// As accounts are: a few shapes, whose numbers differ from row to row.
const alike = fc
  .tuple(fc.array(row, { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(fc.nat(3), number)))
  .map(([shapes, turns]) =>
    turns.map(([turn, given]) => {
      const shape = shapes[turn % shapes.length] ?? {};
      return own(Object.entries(shape).map(([key, one]) => [key, typeof one === "number" ? given : one]));
    }),
  );
const table = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: alike }, { weight: 1, arbitrary: fc.array(row) }),
    fc.array(name, { maxLength: 20 }),
    fc.nat(70),
  )
  .map(([rows, names, many]) =>
    own(
      Array.from({ length: rows.length === 0 ? 0 : Math.max(rows.length, many) }, (_, at) => [
        names[at] ?? `n-${at}`,
        rows[at % rows.length],
      ]),
    ),
  );
const body = fc
  .tuple(fc.array(fc.tuple(name, fc.oneof(value, row))), name, table, fc.array(fc.tuple(name, value)))
  .map(([before, member, nodes, after]) => own([...before, [member, nodes], ...after]));

test("a body that is kept is read as JSON would have kept it, each key in its place", () => {
  const [write, read] = [createBodyWriter(), createKeptReader()];
  let tables = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 5, arbitrary: body }, { weight: 1, arbitrary: fc.jsonValue() }), (given) => {
      const text = JSON.stringify(given) as string | undefined;
      if (text === undefined) return;
      const kept = bytesOf(keptOf(write(given as Json)));
      if (isTable(kept)) tables++;
      expect(JSON.stringify(read.body(kept))).toBe(text);
      expect(read.body(kept)).toEqual(JSON.parse(text));
    }),
    { numRuns: 1500 },
  );
  expect(tables).toBeGreaterThan(100);
});

const minuteOf = (minute: number, odd: number | null = null): Json => ({
  site: "hall",
  start: minute,
  nodes: Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [
      `rack-${index}`,
      {
        ...{ forwardWh: 60 + ((index + minute) % 7), reverseWh: 0, meanW: Math.sqrt(index + minute) * 4260 },
        ...{
          socPct: null,
          check: { registerWh: 60 + ((index + minute) % 7), powerWh: Math.sqrt(index + minute) * 71 },
        },
        ...{ quality: "MEASURED", flags: index === odd ? ["COUNTER_RESET"] : [] },
      },
    ]),
  ),
  end: minute + 1,
});

test("what only numbers tell apart shares its layout byte for byte, and is smaller than its packed text", () => {
  const write = createBodyWriter();
  const [first, second, third] = [minuteOf(1), minuteOf(2), minuteOf(3, 7)].map((one) => {
    const written = write(one);
    if (!("layout" in (written as object))) throw new Error("not a table");
    const { layout } = written as { readonly layout: Uint8Array };
    const text = keptOf(new TextEncoder().encode(JSON.stringify(one))).length;
    return { layout, size: bytesOf(keptOf(written)).length, text };
  });
  expect(second?.layout).toBe(first?.layout);
  expect(third?.layout).not.toEqual(first?.layout);
  for (const one of [first, second, third]) expect(one?.size).toBeLessThan((one?.text ?? 0) * 0.7);
});

test("few rows, rows that all differ and rows of an own JSON stay text", () => {
  const write = createBodyWriter();
  const tableOf = (rows: number, of: (index: number) => unknown) =>
    write({ nodes: Object.fromEntries(Array.from({ length: rows }, (_, index) => [`n${index}`, of(index)])) } as Json);
  expect(tableOf(31, () => ({ w: 1 }))).toEqual(expect.any(String));
  expect(tableOf(32, () => ({ w: 1 }))).toEqual(expect.objectContaining({ layout: expect.any(Uint8Array) }));
  expect(tableOf(40, (index) => ({ [`w${index}`]: 1 }))).toEqual(expect.any(String));
  expect(tableOf(40, () => ({ at: new Date(0) }))).toContain('"at":"1970');
  expect(tableOf(40, () => ({ w: 1, toJSON: () => 5 }))).toContain('"n0":5');
  expect(tableOf(40, () => [1])).toContain('"n0":[1]');
});

test("bytes that were damaged are refused", () => {
  const kept = bytesOf(keptOf(createBodyWriter()(minuteOf(1))));
  const refused = expect.objectContaining({ name: "StoreRefusedError", code: "STORE_CORRUPT" });
  for (const at of [1, 7, 40, Math.floor(kept.length / 2), kept.length - 1]) {
    const damaged = Uint8Array.from(kept);
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    expect(() => createKeptReader().body(damaged), String(at)).toThrow(refused);
  }
  for (const end of [0, 3, 5, 60, kept.length - 1])
    expect(() => createKeptReader().body(kept.slice(0, end)), String(end)).toThrow();
});
