import { expect, test } from "vitest";
import { type Alert, isTold, severities } from "./alert.ts";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import { failedAt, failure, hall, recording } from "./mains.fixture.ts";
import { canonical, createRun } from "./run.ts";

const ruleIds = ["R04", "R21", "R22", "R25", "R31", "R32", "R36"];

/** The transitions of the whole recording, with every rule that it touches switched on. */
const play = async (page: number): Promise<readonly Alert[]> => {
  const loaded = await loadCatalogue();
  if (!loaded.ok) throw new Error("the catalogue has faults");
  const rules = loaded.catalogue.rules
    .filter(({ id }) => ruleIds.includes(id))
    .map((rule) => ({ ...rule, mode: "on" as const }));
  const run = createRun({ sites: [hall()], rules, hash: alertHash, catchupWaitMs: 60_000 });
  const readings = recording();
  const changed: Alert[] = [];
  for (let from = 0; from < readings.length; from += page)
    changed.push(...run.take({ kind: "readings", readings: readings.slice(from, from + page) }));
  return changed;
};

/** What a person hears of: an alert that becomes active or worse, a change of the mode, a release. */
const notices = (transitions: readonly Alert[]): readonly Alert[] => {
  const before = new Map<string, Alert>();
  return transitions.filter((alert) => {
    const last = before.get(alert.id);
    before.set(alert.id, alert);
    if (!isTold(alert) || alert.active === null || alert.state !== "ACTIVE") return false;
    const isWorse = last !== undefined && severities.indexOf(alert.severity) > severities.indexOf(last.severity);
    const isNew = last === undefined || !isTold(last) || last.active === null;
    return isNew || isWorse || (alert.timeline?.length ?? 0) > (last?.timeline?.length ?? 0);
  });
};

test("a mains failure is at most three notices in ten minutes, with every child inside the incident", async () => {
  const transitions = await play(5000);
  const early = transitions.filter(({ changed }) => changed.site < failedAt + 600_000);
  const told = notices(early);
  expect(told.map(({ rule }) => rule)).toEqual(told.map(() => "R36"));
  expect(told.length).toBeLessThanOrEqual(3);
  const incident = told[0]?.id ?? "";
  expect(told.at(-1)?.timeline?.map(([, mode]) => mode)).toEqual(["ups", "genset"]);
  const children = early.filter(({ rule, active }) => rule !== "R36" && active !== null);
  expect(new Set(children.map(({ rule }) => rule))).toEqual(new Set(["R04", "R25", "R31"]));
  expect(children.filter((alert) => alert.incident?.id !== incident)).toEqual([]);
}, 60_000);

test("what is still true ten minutes after the mode is stable is released, each once, and nothing else", async () => {
  const transitions = await play(5000);
  const stable = failedAt + (failure.carrying - failure.lost) * 1000;
  const told = notices(transitions).filter(({ rule }) => rule !== "R36");
  expect(told.length).toBeGreaterThan(100);
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  expect(told.filter(({ changed }) => changed.site < stable + 600_000)).toEqual([]);
}, 60_000);

test("the pages in which it is read change no byte of it", async () => {
  expect(canonical(await play(97))).toEqual(canonical(await play(5000)));
}, 60_000);
