import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createMemoryLedger, type Ledger } from "#store";
import type { Alert } from "../alert.ts";
import { openPast } from "../past/past.ts";
import { putAlert } from "../record.ts";
import type { RulesMessage } from "../rules.ts";
import { alertOf } from "./alert.fixture.ts";
import { deliveryKind } from "./delivery.ts";
import { type Notify, startNotify } from "./notify.ts";

const plan = `
channels:
  - { name: ops, kind: mqtt, topic: told/ops }
  - { name: chief, kind: mqtt, topic: told/chief, language: zh-CN }
  - { name: broken, kind: webhook, url: "http://127.0.0.1:9/" }
people:
  - { name: Day, channels: [ops] }
routes:
  - name: urgent
    match: { severity: [MAJOR, CRITICAL], rule: ["R2*"] }
    group_wait_s: 10
    tiers:
      - { to: ["person:Day"] }
      - { after_s: 900, to: [chief] }
  - name: machines
    match: { rule: [R99] }
    group_wait_s: 0
    tiers: [{ to: [broken] }]
maintenance:
  - { name: genset test, match: { rule: [R25] }, cron: "0 9 * * *", time_zone: UTC, minutes: 60 }
reports:
  - { name: daily, period: day, cron: "0 18 * * *", time_zone: Asia/Shanghai, to: [ops, chief] }
all_is_well: { cron: "0 8 * * *", time_zone: UTC, to: [ops] }
`;
const start = Date.parse("2026-11-20T11:00:00Z");
const morning = Date.parse("2026-11-20T07:00:00Z");
const minute = 60_000;

const ends: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Desk {
  readonly ledger: Ledger;
  readonly notify: Notify;
  readonly told: {
    readonly topic: string;
    readonly occasion: string;
    readonly title: string;
    readonly key: string;
    readonly alerts: readonly Alert[];
  }[];
  readonly faults: string[];
  /** Moves the clock and lets everything due happen. */
  readonly after: (ms: number) => Promise<void>;
  readonly commit: (...alerts: readonly Alert[]) => Promise<void>;
}

const now = { at: start };
const desk = async (
  ledger = createMemoryLedger({ now: () => now.at }),
  open: readonly Alert[] = [],
  current = true,
): Promise<Desk> => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-notify-"));
  const file = join(folder, "notify.yaml");
  await writeFile(file, plan);
  const told: Desk["told"] = [];
  const faults: string[] = [];
  const past = await openPast({ ledger, fail: (_error, code) => faults.push(code) });
  const notify = await startNotify(
    { RULES_TICK_MS: 1000, RULES_CATCHUP_WAIT_MS: 1000, RULES_SAVE_MS: 1000, RULES_ON: [], RULES_NOTIFY_FILE: file },
    {
      ledger,
      sites: [{ id: "hall", timeZone: "Asia/Shanghai" }],
      rules: { open: async () => open, isCurrent: () => current, list: past.list },
      publish: ({ topic, payload }: RulesMessage) => told.push({ topic, ...JSON.parse(payload) }),
      now: () => now.at,
      random: () => 0.5,
      timers: { every: () => () => undefined },
      onError: (_error, { code }) => faults.push(code),
    },
  );
  ends.push(
    () => past[Symbol.asyncDispose](),
    () => notify[Symbol.asyncDispose](),
    () => rm(folder, { recursive: true, force: true }),
  );
  return {
    ...{ ledger, notify, told, faults },
    after: async (ms) => {
      now.at += ms;
      await notify.settled();
    },
    commit: async (...alerts) => {
      await ledger.commit(alerts.map(putAlert));
    },
  };
};
const fresh = (change: Partial<Alert> = {}): Alert =>
  alertOf({ start: now.at, active: now.at, changed: { wall: now.at, site: now.at }, ...change });
const heard = ({ told }: Desk): string[] =>
  told.map(({ topic, occasion, alerts }) => `${topic} ${occasion} ${alerts.map(({ id }) => id)}`);

test("an alert is told to the first tier, then the next until it is acknowledged, and its end to both", async () => {
  now.at = start;
  const one = await desk();
  const alert = fresh();
  await one.commit(alert);
  await one.after(0);
  expect(heard(one)).toEqual([]);
  await one.after(10_000);
  expect(heard(one)).toEqual(["told/ops raised a1"]);
  await one.after(15 * minute);
  expect(heard(one).slice(1)).toEqual(["told/chief escalated a1"]);
  expect(one.told[1]?.title).toContain("馈线过载");
  await one.commit({ ...alert, state: "RETURNED", returned: now.at });
  await one.after(1000);
  expect(heard(one).slice(2).sort()).toEqual(["told/chief returned a1", "told/ops returned a1"]);
});

test("an acknowledgement in time keeps the next tier quiet", async () => {
  now.at = start;
  const one = await desk();
  const alert = fresh();
  await one.commit(alert);
  await one.after(10_000);
  await one.commit({ ...alert, acknowledged: { by: "Li", reason: "", at: now.at } });
  await one.after(60 * minute);
  expect(heard(one)).toEqual(["told/ops raised a1"]);
});

test("alerts of one rule and site that come together are one message, worst first", async () => {
  now.at = start;
  const one = await desk();
  await one.commit(fresh({ id: "a1", subject: "r-1" }), fresh({ id: "a2", subject: "r-2", severity: "CRITICAL" }));
  await one.after(5000);
  await one.commit(fresh({ id: "a3", subject: "r-3" }));
  await one.after(5000);
  expect(heard(one)).toEqual(["told/ops raised a2,a1,a3"]);
  expect(one.told[0]?.title).toBe("[Critical] hall/r-2: Feed overload and 2 more (R21)");
});

test("of messages that are due together the gravest goes first, and of equals what an emergency asks for", async () => {
  now.at = start;
  const one = await desk();
  const rules = ["R22", "R21-FAILOVER", "R29", "R25"];
  await one.commit(
    ...rules.map((rule) => fresh({ id: rule, rule })),
    fresh({ id: "w", rule: "R26", severity: "CRITICAL" }),
  );
  await one.after(10_000);
  expect(heard(one).slice(0, 3)).toEqual(["told/ops raised w", "told/ops raised R25", "told/ops raised R21-FAILOVER"]);
  expect(heard(one).slice(3).sort()).toEqual(["told/ops raised R22", "told/ops raised R29"]);
});

test("an alert that no route matches is told to nobody", async () => {
  now.at = start;
  const one = await desk();
  await one.commit(fresh({ rule: "R01" }), fresh({ id: "a2", severity: "WARNING" }));
  await one.after(minute);
  expect(heard(one)).toEqual([]);
});

test("a silence mutes what it matches, is logged, and what is still so at its end is told then", async () => {
  now.at = start;
  const one = await desk();
  const { silences } = one.notify;
  await one.commit(fresh());
  await one.after(0);
  expect(silences.preview({ rule: ["R21"] })).toEqual({ ok: true, matching: 1 });
  const made = await silences.create({
    match: { rule: ["R21"] },
    reason: "test",
    by: "Li",
    until: now.at + 60 * minute,
  });
  expect(made).toMatchObject({ ok: true, silence: { state: "active", matching: 1 } });
  await one.after(10_000);
  expect(heard(one)).toEqual([]);
  const muted = await one.notify.deliveries({ state: "muted", limit: 10 });
  expect(muted.items.map(({ said }) => said)).toEqual([expect.stringContaining("of Li: test")]);
  await one.after(50 * minute);
  expect(one.told.map(({ occasion }) => occasion)).toEqual(["expiring"]);
  await one.after(10 * minute);
  await one.after(10_000);
  expect(heard(one).slice(1)).toEqual(["told/ops raised a1"]);
});

test("a silence needs an author, a reason, a match and an end, and can be ended by name", async () => {
  now.at = start;
  const { silences } = (await desk()).notify;
  const good = { match: { rule: ["R21"] }, reason: "test", by: "Li", until: now.at + minute };
  expect(await silences.create({ ...good, match: {} })).toMatchObject({ ok: false, code: "RULES_COMMAND_INVALID" });
  expect(await silences.create({ ...good, reason: " " })).toMatchObject({
    ok: false,
    reason: expect.stringContaining("reason"),
  });
  expect(await silences.create({ ...good, until: now.at })).toMatchObject({
    ok: false,
    reason: expect.stringContaining("until"),
  });
  expect(await silences.create({ ...good, until: now.at + 40 * 86_400_000 })).toMatchObject({ ok: false });
  const made = await silences.create(good);
  const id = made.ok ? made.silence.id : "";
  now.at += 1000;
  expect(await silences.end({ id, by: "Wang" })).toMatchObject({
    ok: true,
    silence: { state: "over", ended: { by: "Wang" } },
  });
  expect(await silences.end({ id, by: "Wang" })).toMatchObject({ ok: false, code: "RULES_SILENCE_OVER" });
  expect(await silences.end({ id: "none", by: "Wang" })).toMatchObject({ ok: false, code: "RULES_SILENCE_UNKNOWN" });
});

test("a recurring maintenance window mutes telling while it is open", async () => {
  now.at = Date.parse("2026-11-20T09:30:00Z");
  const one = await desk();
  await one.commit(fresh({ rule: "R25" }), fresh({ id: "a2" }));
  await one.after(10_000);
  expect(heard(one)).toEqual(["told/ops raised a2"]);
  expect(one.notify.schedule().maintenance).toEqual(["genset test"]);
  expect(one.notify.schedule().windows).toMatchObject([
    { name: "genset test", match: { rule: ["R25"] }, openUntil: Date.parse("2026-11-20T10:00:00Z") },
  ]);
  now.at = Date.parse("2026-11-20T10:00:00Z");
  await one.after(0);
  expect(heard(one).slice(0, 2)).toEqual(["told/ops raised a2", "told/ops raised a1"]);
});

test("what an incident holds and what was shelved is told when it is let go, if it is still so", async () => {
  now.at = start;
  const one = await desk();
  const held = fresh({ incident: { id: "i1", held: true } });
  const shelved = fresh({
    id: "a2",
    state: "SHELVED",
    shelved: { by: "Li", reason: "sensor", until: now.at + minute, was: "ACTIVE" },
  });
  await one.commit(held, shelved);
  await one.after(minute);
  expect(heard(one)).toEqual([]);
  const muted = (await one.notify.deliveries({ state: "muted", limit: 9 })).items.map(({ said }) => said);
  expect(muted.sort()).toEqual(["incident i1", "shelved by Li: sensor"]);
  await one.commit(
    { ...held, incident: { id: "i1", held: false } },
    { ...shelved, state: "CLOSED", returned: now.at, closed: now.at },
  );
  await one.after(1000);
  expect(heard(one)).toEqual(["told/ops raised a1"]);
});

test("a restart tells nothing again and forgets nothing", async () => {
  now.at = start;
  const one = await desk();
  const alert = fresh();
  await one.commit(alert);
  await one.after(10_000);
  expect(heard(one)).toEqual(["told/ops raised a1"]);
  await one.notify[Symbol.asyncDispose]();
  now.at += 15 * minute;
  const two = await desk(one.ledger, [alert]);
  await two.after(0);
  await two.after(10_000);
  expect(heard(two)).toEqual(["told/chief escalated a1"]);
  await two.notify[Symbol.asyncDispose]();
  // Over while nobody ran.
  await two.commit({ ...alert, state: "CLOSED", returned: now.at, closed: now.at });
  const three = await desk(one.ledger, []);
  await three.after(0);
  expect(heard(three).sort()).toEqual(["told/chief returned a1", "told/ops returned a1"]);
  const four = await desk(one.ledger, []);
  await four.after(minute);
  expect(heard(four)).toEqual([]);
});

test("a message that was queued and not sent is sent after a restart, under the same key", async () => {
  now.at = start;
  const one = await desk();
  await one.commit(fresh({ rule: "R99" }));
  await one.after(0);
  const [first] = (await one.notify.deliveries({ state: "queued", limit: 1 })).items;
  expect(first).toMatchObject({ channel: "broken", attempts: 1 });
  expect(first?.said).toContain("private address");
  await one.notify[Symbol.asyncDispose]();
  const two = await desk(one.ledger);
  await two.after(1000);
  expect((await two.notify.deliveries({ channel: "broken", limit: 5 })).items).toMatchObject([{ attempts: 1 }]);
  await two.after(minute);
  expect((await two.notify.deliveries({ channel: "broken", limit: 5 })).items).toMatchObject([
    { key: first?.key, attempts: 2 },
  ]);
});

test("a receiver that refuses for a day is given up, said and counted", async () => {
  now.at = start;
  const one = await desk();
  await one.commit(fresh({ rule: "R99" }));
  await one.after(0);
  for (let hour = 0; hour < 25; hour += 0.25) await one.after(15 * minute);
  expect((await one.notify.deliveries({ state: "failed", limit: 5 })).items).toHaveLength(1);
  expect(one.faults).toContain("RULES_NOTIFY_FAILED");
  const revisions = await one.ledger.history(
    deliveryKind,
    (await one.notify.deliveries({ state: "failed", limit: 1 })).items[0]?.key ?? "",
  );
  expect(revisions.length).toBeGreaterThan(10);
});

test("a report says what became active in its period, in the language of each channel", async () => {
  now.at = Date.parse("2026-11-20T09:59:00Z");
  const one = await desk();
  const began = now.at - 3_600_000;
  const old = { start: began, active: began, changed: { wall: began, site: began } };
  await one.commit(
    fresh({ ...old, state: "CLOSED", returned: began + 30 * minute, closed: began + 30 * minute }),
    fresh({ ...old, id: "a2", rule: "R01", severity: "WARNING", title: { en: "Open balance", "zh-CN": "收支不平" } }),
    fresh({ ...old, id: "a3", shadow: true }),
    // Two days of a hold were over in this period; the other had been told in the one before.
    fresh({ ...old, id: "a4", rule: "R29", severity: "INFO", start: began - 2 * 86_400_000 }),
    fresh({ ...old, id: "a5", start: began - 86_400_000, active: began - 86_400_000, state: "CLOSED", closed: began }),
  );
  await one.after(minute);
  expect(one.told.map(({ topic, title }) => [topic, title])).toEqual([
    ["told/ops", "Wattlas daily: alerts 3"],
    ["told/chief", "Wattlas daily: 告警报告 3"],
  ]);
  const [report] = (await one.notify.deliveries({ channel: "ops", limit: 1 })).items;
  expect(report?.message.text.split("\n")).toEqual([
    "2026-11-19 18:00 – 2026-11-20 18:00 (Asia/Shanghai)",
    "CRITICAL 0, MAJOR 1, WARNING 1, INFO 1",
    "still open 2, nobody acknowledged 3",
    "0.13 alarms/h, 0 floods, 0 chattering, 0 stale, 1 never acted upon",
    "median / p90: acknowledged after – / – min, resolved after 30 / 30 min",
    "R01 Open balance: 1 ×, 61 min",
    "R29 Feed overload: 1 ×, 61 min",
    "R21 Feed overload: 1 ×, 30 min",
  ]);
});

test('"all is well" comes on time, and not while the rules are behind', async () => {
  now.at = morning;
  const one = await desk();
  await one.after(60 * minute);
  expect(one.told.map(({ occasion, title }) => [occasion, title])).toEqual([["well", "Wattlas: all is well"]]);
  now.at = morning + 86_400_000;
  const two = await desk(one.ledger, [], false);
  await two.after(60 * minute);
  expect(two.told).toEqual([]);
  expect(two.faults).toEqual(["RULES_SCHEDULE_FAILED"]);
});

test("a test goes to its channel at once and says what became of it", async () => {
  now.at = start;
  const one = await desk();
  expect(await one.notify.test("chief")).toMatchObject({ ok: true, delivery: { state: "sent" } });
  expect(one.told[0]?.title).toBe("Wattlas: 测试");
  expect(await one.notify.test("broken")).toMatchObject({
    ok: true,
    delivery: { state: "queued", said: expect.stringContaining("private address") },
  });
  expect(await one.notify.test("none")).toMatchObject({ ok: false, code: "RULES_CHANNEL_UNKNOWN" });
  expect(await one.notify.channels()).toMatchObject([
    { name: "ops", kind: "mqtt", waiting: 0, last: null },
    { name: "chief", last: { state: "sent" } },
    { name: "broken", waiting: 1, last: { state: "queued" } },
  ]);
});
