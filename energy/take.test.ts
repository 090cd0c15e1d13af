import fc from "fast-check";
import { expect, test } from "vitest";
import { createColumnBuilder, createNameBook, type Reading, timestamp } from "#store";
import type { SiteModel } from "./model.ts";
import { parseSite } from "./site.ts";
import { createSiteBook, type SiteBook } from "./site-book.ts";
import { createTaker } from "./take.ts";

const t0 = Date.parse("2026-11-16T00:00:00+08:00");
const modelOf = (id: string): SiteModel => {
  const parsed = parseSite(
    `site: ${id}
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 1000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid, energy_forward: energy_import_wh }] }
  - { id: hall, kind: it, points: [{ code: MP.IT, device: hall, energy_forward: energy_import_wh }] }
carbon: { device: feed, default_g_per_kwh: 500 }
`,
    `${id}.yaml`,
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.site;
};
const models = ["north", "south"].map(modelOf);
const booksOf = (): Map<string, SiteBook> =>
  new Map(
    models.map((model) => [
      model.id,
      createSiteBook(
        model,
        {
          latenessMs: 10_000,
          catchupWaitMs: 60_000,
          bridgeMs: 3_600_000,
          readRange: async () => [],
          dataRevision: () => "test",
          readAccounts: async () => [],
        },
        null,
      ),
    ]),
  );

const quantities = fc.constantFrom<readonly string[]>(
  ["power_w", "energy_import_wh"],
  ["energy_import_wh", "inlet_c", "power_w"],
  ["energy_import_wh"],
  ["power_w"],
  ["carbon_g_per_kwh"],
  ["inlet_c"],
);
const message = fc.record({
  site: fc.constantFrom("north", "south", "elsewhere"),
  device: fc.constantFrom("grid", "hall", "feed", "unmodelled"),
  afterMs: fc.constantFrom(0, 1, 5000, 10_000, 61_000, 200_000),
  lateMs: fc.constantFrom(0, 20, 15_000, 90_000),
  names: quantities,
  value: fc.integer({ min: -5, max: 5000 }),
});

test("rows of columns give the accounts that the same readings give, to the last bit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 80 }), fc.integer({ min: 1, max: 20 }), async (messages, rows) => {
      let now = t0;
      const readings = messages.map(({ site, device, afterMs, lateMs, names, value }): Reading => {
        now += afterMs;
        const values = Object.fromEntries(names.map((name, index) => [name, value * (index + 1)]));
        return { site, device, ts: timestamp(now - lateMs), received: timestamp(now), quantities: values, flags: [] };
      });
      const [objects, columns] = [booksOf(), booksOf()];
      const take = createTaker(columns);
      const builder = createColumnBuilder(createNameBook());
      for (let at = 0; at < readings.length; at += rows) {
        const page = readings.slice(at, at + rows);
        for (const reading of page) {
          objects.get(reading.site)?.take(reading);
          builder.addReading(reading);
        }
        take(builder.take());
        for (const [site, book] of objects) {
          const other = columns.get(site);
          expect(other?.clock()).toEqual(book.clock());
          for (let chunk = await book.next(); chunk !== null; chunk = await book.next()) {
            const same = await other?.next();
            expect(same?.changes).toEqual(chunk.changes);
            chunk.done([]);
            same?.done([]);
          }
          expect(await other?.next()).toBeNull();
          expect(other?.state()).toEqual(book.state());
        }
      }
    }),
    { numRuns: 60 },
  );
});
