import { expect, test } from "vitest";
import type { Alert } from "./alert.ts";
import { commented, shelved, unshelved } from "./command.ts";
import { judgedLines } from "./judged.ts";
import { alertOf } from "./notify/alert.fixture.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const at = (second: number) => ({ wall: t0 + second * 1000 + 7, site: t0 + second * 1000 });
const active = alertOf({ id: "a", start: t0, active: t0, changed: at(0) });
const clearing: Alert = { ...active, state: "CLEARING", changed: at(90) };
const closed: Alert = { ...active, state: "CLOSED", returned: t0 + 200_000, closed: t0 + 200_000, changed: at(200) };
const judged = judgedLines([active, clearing, closed]);

test("what people say of an alert is no judgement", () => {
  const noted = commented(active, "Ana", "cable", at(30));
  expect(judgedLines([active, noted, { ...clearing, comments: noted.comments }, closed])).toEqual(judged);
});

test("an alert on the shelf is what it would be, until its time or somebody takes it back", () => {
  const put = shelved(active, "Ana", "spare part", t0 + 100_000, at(30));
  const beneath: Alert = { ...put, ...clearing, state: "SHELVED" };
  const moved: Alert = put.shelved === undefined ? put : { ...beneath, shelved: { ...put.shelved, was: "CLEARING" } };
  const expired: Alert = { ...clearing, inputs: { inlet_c: 41 }, changed: at(100) };
  expect(judgedLines([active, put, moved, expired, closed])).toEqual(judged);
  expect(judgedLines([active, put, moved, unshelved(moved, at(95)), closed])).toEqual(judged);
});

test("transitions of many alerts come in one order, whoever was first", () => {
  const other: Alert = { ...active, id: "b" };
  expect(judgedLines([other, active, clearing, closed])).toEqual(judgedLines([active, clearing, other, closed]));
});
