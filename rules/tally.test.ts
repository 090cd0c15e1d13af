import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shippedDir } from "./catalogue.ts";
import { alertOf } from "./notify/alert.fixture.ts";
import { parseRule } from "./rule.ts";
import { siteOf } from "./specimen.ts";
import { createTally } from "./tally.ts";

const parsed = parseRule(readFileSync(join(shippedDir, "r15-reverse-power.yaml"), "utf8"), "r15.yaml");
if (!parsed.ok) throw new Error(parsed.faults[0]?.message);
const { rule } = parsed;
const hall = siteOf({ id: "hall", devices: [], intervalMs: 1000 });
// The site is at Shanghai, eight hours ahead.
const november = Date.parse("2026-11-30T15:59:59Z");
const december = Date.parse("2026-11-30T16:00:00Z");
const alert = (id: string, site: number, occurrences = 1, subcode = "no-export") =>
  alertOf({ id, rule: "R15", subcode, state: "ACTIVE", occurrences, changed: { wall: site, site } });

test("an alert counts each time it becomes active, and what is done to it does not", () => {
  const tally = createTally(hall, [rule]);
  expect(tally.facts(rule, november)).toEqual({ month_events: 0 });
  tally.note(alert("one", november - 9000, 0));
  expect(tally.facts(rule, november)).toEqual({ month_events: 0 });
  tally.note(alert("one", november - 8000));
  tally.note({ ...alert("one", november - 7000), severity: "CRITICAL" });
  tally.note(alert("one", november - 6000, 2));
  tally.note(alert("two", november - 5000));
  tally.note(alert("two", november - 4000, 1, "blind"));
  expect(tally.facts(rule, november)).toEqual({ month_events: 3 });
});

test("a new month of the site's zone begins at none, also after a restart", () => {
  const tally = createTally(hall, [rule]);
  tally.note(alert("one", november));
  const again = createTally(hall, [rule], tally.save());
  expect(again.facts(rule, november)).toEqual({ month_events: 1 });
  expect(again.facts(rule, december)).toEqual({ month_events: 0 });
  again.note(alert("two", december));
  expect(again.facts(rule, december)).toEqual({ month_events: 1 });
});

test("a month of the demand contract begins on its day", () => {
  const demand = { contractW: 1e6, windowMin: 15, method: "fixed", pricePerKwMonth: 40, cycleStartDay: 2 } as const;
  const tally = createTally({ ...hall, demand: { ...demand } }, [rule]);
  tally.note(alert("one", november));
  expect(tally.facts(rule, december)).toEqual({ month_events: 1 });
  expect(tally.facts(rule, december + 86_400_000)).toEqual({ month_events: 0 });
});
