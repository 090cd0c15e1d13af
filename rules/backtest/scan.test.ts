import fc from "fast-check";
import { expect, test } from "vitest";
import type { Account } from "#energy";
import { partFields, partsOfAccount } from "../node-parts.ts";
import { accountOf } from "../specimen.ts";
import { createScanner } from "./scan.ts";

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer(),
  fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1000),
);
const maybe = fc.option(number, { freq: 5 });
const part = fc.record(
  {
    ...{ forwardWh: maybe, reverseWh: maybe, meanW: maybe, minW: maybe, maxW: maybe, socPct: maybe },
    check: fc.record({ registerWh: number, powerWh: number }),
    storedWh: maybe,
    meters: fc.array(fc.record({ meanW: maybe, netWh: maybe }), { maxLength: 2 }),
    strange: fc.oneof(fc.string(), fc.constant({ a: [1, "}", { b: '"' }] })),
    ...{ coverage: fc.double({ min: 0, max: 1, noNaN: true }), quality: fc.constant("MEASURED") },
    flags: fc.subarray(["COUNTER_RESET", "DATA_FROZEN", "METER_SUSPECT"]),
  },
  { requiredKeys: ["coverage", "quality", "flags"] },
);
const ids = ["grid", "a/1", "b.2", 'odd "name"', "zürich"];
const nodes = fc.array(fc.tuple(fc.constantFrom(...ids, "unlisted"), part), { maxLength: 8 });

test("a scanned account is the parsed account", () => {
  const { scan } = createScanner(ids);
  fc.assert(
    fc.property(nodes, fc.boolean(), (pairs, isReversed) => {
      const own = Object.fromEntries(isReversed ? pairs.toReversed() : pairs) as unknown as Account["nodes"];
      const account = accountOf({ site: "hall", start: 0, end: 60_000, loadW: 7, nodes: own });
      const text = JSON.stringify(account);
      const scanned = scan(Buffer.from(text));
      const parsed = JSON.parse(text) as Account;
      expect(scanned.account).toEqual({ ...parsed, nodes: {} });
      const expected = partsOfAccount(parsed, ids);
      for (const field of partFields) expect([...scanned.nodes.columns[field]]).toEqual([...expected.columns[field]]);
      expect(scanned.nodes.flags).toEqual(expected.flags);
    }),
    { numRuns: 500 },
  );
});
test("what is cut off is refused, not guessed", () => {
  const { scan } = createScanner(ids);
  const text = JSON.stringify(accountOf({ site: "hall", start: 0, end: 60_000 }));
  expect(() => scan(Buffer.from(text.slice(0, 30)))).toThrow(SyntaxError);
});
