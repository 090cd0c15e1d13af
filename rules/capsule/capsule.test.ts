import { beforeAll, expect, test } from "vitest";
import type { NodeAccount } from "#energy";
import { createMemoryLedger, createMemoryReadings, type Json, type Reading, timestamp } from "#store";
import { happeningsOf } from "../backtest/past.ts";
import { loadCatalogue } from "../catalogue.ts";
import { acknowledged } from "../command.ts";
import { alertHash } from "../hash.ts";
import { putAlert } from "../record.ts";
import { parseRule, type Rule } from "../rule.ts";
import type { RuleSummary } from "../rules.ts";
import { createRun } from "../run.ts";
import { accountOf, siteOf } from "../specimen.ts";
import { capsuleOf } from "./capsule.ts";
import { replayCapsule } from "./replay.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const model = siteOf({ id: "hall", devices: ["a", "b", "c"], intervalMs: minute });

let rules: readonly Rule[] = [];
let summaries: readonly RuleSummary[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  if (loaded.ok) ({ rules, summaries } = loaded.catalogue);
});

/** A hall whose device a is silent from minute 90 to 120, judged live and acknowledged at minute 110. */
const incident = async () => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => t0 });
  const taken: Reading[] = [];
  for (let at = 0; at < 180; at++)
    for (const device of ["a", "b", "c"])
      if (device !== "a" || at < 90 || at >= 120)
        taken.push({
          ...{ site: "hall", device, ts: timestamp(t0 + at * minute), received: timestamp(t0 + at * minute + 200) },
          quantities: { power_w: 1000 },
          flags: [],
        });
  await readings.write(taken);
  const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: minute });
  const watch = run.watches.get("hall");
  let id = "";
  let isDone = false;
  for await (const happenings of happeningsOf({ readings, ledger, site: "hall", from: t0, to: t0 + 180 * minute }))
    for (const happening of happenings) {
      const alerts = [...run.take(happening)];
      id = alerts.find(({ rule, subject }) => rule === "R04" && subject === "a")?.id ?? id;
      const now = watch?.now() ?? 0;
      if (!isDone && now >= t0 + 110 * minute) {
        const changed = watch?.amend(id, (one) => acknowledged(one, "Ana", "seen", { wall: now, site: now }));
        if (changed !== null && changed !== undefined) alerts.push(changed);
        isDone = true;
      }
      await ledger.commit(alerts.map(putAlert));
    }
  return { readings, ledger, id };
};

test("a capsule replayed elsewhere gives the same transitions", async () => {
  const { readings, ledger, id } = await incident();
  const capsule = await capsuleOf(id, { readings, ledger, sites: [model], rules: summaries, now: () => t0 });
  expect(capsule).toMatchObject({ whole: true, alert: { rule: "R04", subject: "a", state: "CLOSED" } });
  const replay = replayCapsule(JSON.parse(JSON.stringify(capsule)), alertHash);
  if (!replay.ok) throw new Error(replay.reason);
  // How many samples were good before an hour ago is not in the file.
  expect(replay).toMatchObject({ equal: true, otherInputs: ["good_samples"] });
  expect(replay.recorded.length).toBeGreaterThan(2);
});

test("a reading that was changed shows as a difference", async () => {
  const { readings, ledger, id } = await incident();
  const capsule = await capsuleOf(id, { readings, ledger, sites: [model], rules: summaries, now: () => t0 });
  const happenings = capsule?.happenings.filter(
    (one) => one.kind !== "readings" || one.readings[0]?.device !== "a" || one.readings[0].ts < t0 + 120 * minute,
  );
  expect(replayCapsule({ ...capsule, happenings }, alertHash)).toMatchObject({ ok: true, equal: false });
});

const windowRule = `id: OWN
version: 1
title: { en: Own, "zh-CN": 自 }
action: { en: Look, "zh-CN": 看 }
on: account
subject: node
inputs: [mean_w]
windows: { lately_w: { of: mean_w, function: mean, over_s: 14400, least: 0.4 } }
levels:
  - { severity: WARNING, subcode: own, trigger: lately_w > kW(4), hold_on_s: 0, clear: lately_w < kW(3.2), hold_off_s: 7200 }
`;

/** Low for 13 hours but for one, which half a window takes for much, and from the tenth on. */
const longWindow = async () => {
  const own = parseRule(windowRule, "own.yaml");
  if (!own.ok) throw new Error(own.faults[0]?.message);
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => t0 });
  const run = createRun({ sites: [nodes], rules: [own.rule], hash: alertHash, catchupWaitMs: minute });
  let id = "";
  for (let at = 0; at < 13 * 60; at++) {
    const ts = timestamp(t0 + at * minute);
    const received = timestamp(ts + 200);
    await readings.write([{ site: "hall", device: "n1", ts, received, quantities: { power_w: 1000 }, flags: [] }]);
    const meanW = at >= 600 || (at >= 400 && at < 460) ? 9000 : 1000;
    const n1 = {
      forwardWh: meanW / 60,
      reverseWh: 0,
      meanW,
      socPct: null,
      coverage: 1,
      quality: "MEASURED",
      flags: [],
    };
    const account = accountOf({
      site: "hall",
      start: ts,
      end: ts + minute,
      nodes: { n1: n1 as unknown as NodeAccount },
    });
    const row = { kind: "account/1m", key: `hall/${ts}`, site: "hall", ts, body: account as unknown as Json };
    await ledger.commit([{ op: "put", ...row }]);
  }
  for await (const happenings of happeningsOf({ readings, ledger, site: "hall", from: t0, to: t0 + 780 * minute }))
    for (const happening of happenings) {
      const alerts = run.take(happening);
      id = alerts.at(-1)?.id ?? id;
      await ledger.commit(alerts.map(putAlert));
    }
  const summary = { id: "OWN", version: 1, mode: "on", file: "own.yaml", source: windowRule } as unknown as RuleSummary;
  return { readings, ledger, id, rules: [summary] };
};
const nodes = siteOf({
  ...{ id: "hall", devices: ["n1"], intervalMs: minute },
  nodes: [{ id: "n1", kind: "it", ratingW: 10_000, capacityWh: null }],
});

test("an alert of a window of hours is the same again: the capsule looks back as far", async () => {
  const { id, ...past } = await longWindow();
  const capsule = await capsuleOf(id, { ...past, sites: [nodes], now: () => t0 });
  const start = capsule?.alert.start ?? 0;
  expect(capsule).toMatchObject({ from: start - 300 * minute, readingsFrom: start - 60 * minute, whole: true });
  expect(capsule?.lookBackMs).toBe(300 * minute);
  expect(replayCapsule(JSON.parse(JSON.stringify(capsule)), alertHash)).toMatchObject({
    ...{ ok: true, equal: true, otherInputs: [] },
    recorded: [{ state: "ACTIVE", start }],
  });
  const near = capsule?.happenings.filter(
    ({ kind, ...one }) => kind !== "account" || !("account" in one) || one.account.start >= start - 60 * minute,
  );
  expect(replayCapsule({ ...capsule, happenings: near }, alertHash)).toMatchObject({ ok: true, equal: false });
});

test("an alert that nobody knows has no capsule, and what is no capsule is refused", async () => {
  const { readings, ledger } = await incident();
  expect(await capsuleOf("zz", { readings, ledger, sites: [model], rules: summaries, now: () => t0 })).toBe(null);
  expect(replayCapsule({ format: "other" }, alertHash)).toMatchObject({ ok: false });
});
