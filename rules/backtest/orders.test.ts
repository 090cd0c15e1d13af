import { beforeAll, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, type Reading, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { capsuleOf } from "../capsule/capsule.ts";
import { replayCapsule } from "../capsule/replay.ts";
import { loadCatalogue } from "../catalogue.ts";
import { shelved, unshelved } from "../command.ts";
import { alertHash } from "../hash.ts";
import type { Permit } from "../permit.ts";
import { permitKind } from "../permit-desk.ts";
import { putAlert, putAudit } from "../record.ts";
import { parseRule, type Rule } from "../rule.ts";
import type { RuleSummary } from "../rules.ts";
import { createRun } from "../run.ts";
import { siteOf } from "../specimen.ts";
import { createBacktestDesk } from "./desk.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const model = siteOf({ id: "hall", devices: ["a", "b", "c"], intervalMs: minute });
const at = (minutes: number): number => t0 + minutes * minute;

const hot = `id: HOT
version: 1
title: { en: Hot, "zh-CN": 热 }
action: { en: Cool it, "zh-CN": 降温 }
on: reading
subject: device
inputs: [inlet_c]
parameters: { high_c: 35.0, low_c: 30.0 }
levels:
  - { severity: MAJOR, subcode: hot, trigger: inlet_c > high_c, hold_on_s: 0, clear: inlet_c < low_c, hold_off_s: 60 }
`;
let rules: readonly Rule[] = [];
let summaries: readonly RuleSummary[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  const own = parseRule(hot, "hot.yaml");
  if (!loaded.ok || !own.ok) throw new Error("no rules");
  rules = [...loaded.catalogue.rules, own.rule];
  summaries = [
    ...loaded.catalogue.summaries,
    { id: "HOT", version: 1, mode: "on", file: "hot.yaml", source: hot } as unknown as RuleSummary,
  ];
});

// Hot for five minutes every half hour. A permit isolates a from minute 80 to 130, c is shelved from 62 to 100.
const isHot = (minutes: number): boolean => minutes % 30 < 5 && minutes >= 30;
const permit: Permit = {
  ...{ id: "p1", site: "hall", node: "a", by: "Ana", reason: "new fan" },
  ...{ from: at(80) + 500, until: at(125), closed: null },
};

const judgedLive = async () => {
  let wall = t0;
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => wall });
  const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: minute });
  const watch = run.watches.get("hall");
  const keep = (alerts: readonly Alert[]) => ledger.commit(alerts.map(putAlert));
  const order = async (one: Permit) => {
    const body = one as unknown as Json;
    await ledger.commit([{ op: "put", kind: permitKind, key: one.id, site: "hall", ts: timestamp(one.from), body }]);
    await keep(watch?.permit(one, wall) ?? []);
  };
  const amend = async (what: string, edit: (alert: Alert, now: { wall: number; site: number }) => Alert) => {
    const alert = watch?.open().find(({ rule, subject }) => rule === "HOT" && subject === "c");
    const changed = watch?.amend(alert?.id ?? "", (one, site) => edit(one, { wall, site }));
    if (changed === null || changed === undefined) throw new Error("nothing to shelve");
    await ledger.commit([putAlert(changed), putAudit(changed, { who: "Ana", what, said: "", at: wall })]);
  };
  for (let now = 0; now < 240; now++) {
    for (wall = at(now) - 59_000; now > 0 && wall < at(now); wall += 1000) {
      await keep(run.take({ kind: "tick", wall }));
      if (wall === at(81) - 59_000) await order({ ...permit, from: watch?.now() ?? 0 });
    }
    wall = at(now) + 200;
    for (const device of ["a", "b", "c"]) {
      const reading: Reading = {
        ...{ site: "hall", device, ts: timestamp(at(now)), received: timestamp(wall) },
        quantities: { power_w: 1000, inlet_c: device !== "b" && isHot(now) ? 40 : 22 },
        flags: [],
      };
      await readings.write([reading]);
      await keep(run.take({ kind: "readings", readings: [reading] }));
    }
    wall += 300;
    if (now === 62) await amend("alert.shelve", (one, when) => shelved(one, "Ana", "known", at(200), when));
    if (now === 64) await amend("alert.unshelve", unshelved);
    if (now === 92) await amend("alert.shelve", (one, when) => shelved(one, "Ana", "known", at(170), when));
    const held = watch?.permits()[0];
    if (now === 130 && held !== undefined) await order({ ...held, closed: { by: "Ana", at: watch?.now() ?? 0 } });
  }
  return { readings, ledger };
};
const deskOf = (past: Awaited<ReturnType<typeof judgedLive>>) =>
  createBacktestDesk({ ...past, sites: [model], rules, hash: alertHash, maintenance: async () => [] });

test("history judged again under its permits and shelves gives the recorded transitions", async () => {
  const past = await judgedLive();
  const result = await deskOf(past).rejudge({ site: "hall", to: at(235) });
  if (!result.ok) throw new Error(result.reason);
  expect([result.missing, result.extra]).toEqual([[], []]);
  const recorded = result.rejudged.recorded.lines.map((line) => JSON.parse(line) as Alert);
  expect(recorded.filter(({ rule }) => rule === "PERMIT").map(({ state, severity }) => `${state}/${severity}`)).toEqual(
    ["ACTIVE/INFO", "ACTIVE/MAJOR", "CLOSED/MAJOR"],
  );
});

test("a backtest under the permits of then has no alert of what was isolated", async () => {
  const result = await deskOf(await judgedLive()).backtest({ site: "hall", rule: "HOT", from: t0, to: at(235) });
  if (!result.ok) throw new Error(result.reason);
  const { alerts } = result.backtest.after;
  const of = (device: string) => alerts.filter(({ subject }) => subject === device);
  expect(of("a").map(({ active }) => Math.floor(((active ?? 0) - t0) / minute))).toEqual([30, 60, 150, 180, 210]);
  expect(of("c").map(({ active }) => Math.floor(((active ?? 0) - t0) / minute))).toEqual([
    30, 60, 90, 120, 150, 180, 210,
  ]);
});

test("a backtest tells what was silenced and shelved then, and what somebody would have been told", async () => {
  const past = await judgedLive();
  const silence = {
    ...{ id: "s1", match: { rule: ["HOT"], subject: ["a"] }, reason: "work", by: "Ana", warned: false },
    ...{ from: at(25), until: at(160), ended: { by: "Ana", at: at(70) } },
  };
  await past.ledger.commit([
    { op: "put", kind: "silence", key: "s1", site: "", ts: timestamp(silence.from), body: silence as unknown as Json },
  ]);
  const result = await deskOf(past).backtest({ site: "hall", rule: "HOT", from: t0, to: at(235) });
  // a at 30 and 60 under the silence; c on the shelf from 62 to 64, and from 92 until it had been cool for a minute.
  expect(result).toMatchObject({ backtest: { after: { silenced: 2, duringMaintenance: 0, told: 10 } } });
  expect(result.ok ? result.backtest.after.minutesShelved : 0).toBeCloseTo(2 + 4, 0);
});

test("a capsule takes the permits with it", async () => {
  const past = await judgedLive();
  const { items } = await past.ledger.list({ kind: "alert", site: "hall", limit: 100 });
  const own = items.find(({ body }) => (body as unknown as Alert).rule === "PERMIT");
  const capsule = await capsuleOf(own?.key ?? "", { ...past, sites: [model], rules: summaries, now: () => t0 });
  expect(capsule?.permits).toHaveLength(2);
  const replay = replayCapsule(JSON.parse(JSON.stringify(capsule)), alertHash);
  expect(replay).toMatchObject({ ok: true, equal: true });
  expect(replay.ok ? replay.recorded.length : 0).toBe(3);
  expect(replayCapsule({ ...capsule, permits: [] }, alertHash)).toMatchObject({ ok: true, equal: false });
});
