import { beforeAll, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Reading, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { loadCatalogue } from "../catalogue.ts";
import { acknowledged, commented } from "../command.ts";
import { alertHash } from "../hash.ts";
import { putAlert } from "../record.ts";
import type { Rule } from "../rule.ts";
import { createRun } from "../run.ts";
import { siteOf } from "../specimen.ts";
import { createBacktestDesk } from "./desk.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const model = siteOf({ id: "hall", devices: ["a", "b", "c"], intervalMs: minute });
const end = t0 + 300 * minute;

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

// a is silent twice; the alert is acknowledged and commented on, so that the second silence is an alert of its own.
const isSilent = (at: number): boolean => (at >= 90 && at < 120) || (at >= 200 && at < 230);

const judgedLive = async () => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger({ now: () => t0 });
  const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: minute });
  const watch = run.watches.get("hall");
  let open = "";
  for (let at = 0; at < 300; at++) {
    const now = t0 + at * minute;
    const ticked: Alert[] = [];
    for (let wall = now - 59_000; at > 0 && wall < now + 200; wall += 1000)
      ticked.push(...run.take({ kind: "tick", wall }));
    await ledger.commit(ticked.map(putAlert));
    open = ticked.find(({ rule, state }) => rule === "R04" && state === "ACTIVE")?.id ?? open;
    for (const device of ["c", "a", "b"]) {
      if (device === "a" && isSilent(at)) continue;
      const reading: Reading = {
        ...{ site: "hall", device, ts: timestamp(now), received: timestamp(now + 200) },
        quantities: { power_w: 1000 },
        flags: [],
      };
      await readings.write([reading]);
      const alerts = [...run.take({ kind: "readings", readings: [reading] })];
      open = alerts.find(({ rule, state }) => rule === "R04" && state === "ACTIVE")?.id ?? open;
      const said = { wall: now + 7000, site: now + 200 };
      if (at === 110 && device === "c") {
        const done = watch?.amend(open, (one) => acknowledged(one, "Ana", "seen", said));
        const noted = watch?.amend(open, (one) => commented(one, "Ana", "cable", said));
        alerts.push(...[done, noted].filter((one) => one !== null && one !== undefined));
      }
      await ledger.commit(alerts.map(putAlert));
    }
  }
  return { readings, ledger };
};

const deskOf = (past: Awaited<ReturnType<typeof judgedLive>>, inForce = rules) =>
  createBacktestDesk({ ...past, sites: [model], rules: inForce, hash: alertHash, maintenance: async () => [] });

test("history judged again gives the recorded transitions byte for byte, with what people did", async () => {
  const result = await deskOf(await judgedLive()).rejudge({ site: "hall", to: end });
  if (!result.ok) throw new Error(result.reason);
  const { rejudged, missing, extra } = result;
  expect([missing, extra]).toEqual([[], []]);
  expect(rejudged).toMatchObject({ equal: true, from: t0, to: end, readings: 840 });
  expect(rejudged.judged.lines).toEqual(rejudged.recorded.lines);
  expect(rejudged.recorded.alerts).toBe(2);
});

test("a rule that changed since shows line by line", async () => {
  const changed = rules.map((rule) => (rule.id === "R04" ? { ...rule, version: 99 } : rule));
  const result = await deskOf(await judgedLive(), changed).rejudge({ site: "hall", from: t0, to: end });
  if (!result.ok) throw new Error(result.reason);
  expect(result.rejudged.equal).toBe(false);
  expect(result.missing.length).toBe(result.rejudged.recorded.lines.length);
  expect(JSON.parse(result.extra[0] ?? "")).toMatchObject({ rule: "R04", ruleVersion: 99, subject: "a" });
});

test("an unknown site is refused, and so is a period that ends before it begins", async () => {
  const desk = deskOf(await judgedLive());
  expect(await desk.rejudge({ site: "moon", to: end })).toMatchObject({ ok: false, code: "RULES_COMMAND_INVALID" });
  expect(await desk.rejudge({ site: "hall", from: end, to: t0 })).toMatchObject({ ok: false });
});
