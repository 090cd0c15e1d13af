import { afterEach, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { startRules } from "./engine.ts";
import type { Rules } from "./rules.ts";
import { accountOf, siteOf } from "./specimen.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
let rules: Rules | undefined;
afterEach(async () => {
  await rules?.[Symbol.asyncDispose]();
  rules = undefined;
});

const start = async (minutes: number) => {
  const ledger = createMemoryLedger();
  for (let minute = 0; minute < minutes; minute++) {
    const from = t0 + minute * 60_000;
    const body = accountOf({
      site: "hall",
      start: from,
      end: from + 60_000,
      residualW: 3e4,
      uncertaintyW: 8650,
      supplyW: 1.5e6,
    });
    await ledger.commit([
      {
        op: "put",
        kind: "account/1m",
        key: `hall/${from}`,
        site: "hall",
        ts: timestamp(from),
        body: body as unknown as Json,
      },
    ]);
  }
  rules = await startRules(
    { RULES_TICK_MS: 1000, RULES_CATCHUP_WAIT_MS: 60_000, RULES_SAVE_MS: 10_000, RULES_ON: [] },
    {
      readings: createMemoryReadings(),
      ledger,
      sites: [siteOf({ id: "hall", devices: [], intervalMs: 10_000 })],
      publish: () => {},
      onError: (error) => {
        throw error;
      },
      now: () => t0 + 3_600_000,
      timers: { every: () => () => {} },
    },
  );
  await rules.settled();
  const [alert] = await rules.open();
  return { ledger, rules, id: alert?.id ?? "" };
};

test("an acknowledgement says who and why, and is in the audit", async () => {
  const { rules, ledger, id } = await start(5);
  expect(await rules.acknowledge({ id, by: " li ", reason: "looking" })).toMatchObject({
    ok: true,
    alert: { state: "ACTIVE", acknowledged: { by: "li", reason: "looking", at: t0 + 3_600_000 } },
  });
  const audit = await ledger.list({ kind: "audit", limit: 10 });
  expect(audit.items.map(({ body }) => body)).toEqual([
    {
      who: "li",
      what: "alert.acknowledge",
      said: "looking",
      at: t0 + 3_600_000,
      alert: id,
      rule: "R01",
      subject: "hall",
    },
  ]);
});
test("a second acknowledgement is refused", async () => {
  const { rules, id } = await start(5);
  await rules.acknowledge({ id, by: "li", reason: "" });
  expect(await rules.acknowledge({ id, by: "wang", reason: "" })).toEqual({
    ok: false,
    code: "RULES_ALREADY_ACKNOWLEDGED",
    reason: 'acknowledged already by "li"',
  });
});
test("a pending alert cannot be acknowledged", async () => {
  const { rules, id } = await start(2);
  expect(await rules.acknowledge({ id, by: "li", reason: "" })).toMatchObject({
    ok: false,
    code: "RULES_ALERT_PENDING",
  });
});
test("an alert that is not there is said to be unknown", async () => {
  const { rules } = await start(0);
  expect(await rules.comment({ id: "nothing", by: "li", text: "hm" })).toEqual({
    ok: false,
    code: "RULES_ALERT_UNKNOWN",
    reason: 'there is no alert "nothing"',
  });
});
test("a command without a name or words is refused", async () => {
  const { rules, id } = await start(5);
  expect(await rules.comment({ id, by: "", text: " " })).toMatchObject({ ok: false, code: "RULES_COMMAND_INVALID" });
  expect(await rules.acknowledge({ id, by: "x".repeat(201), reason: "" })).toMatchObject({
    code: "RULES_COMMAND_INVALID",
  });
});
test("comments are added and an assignment can be taken back", async () => {
  const { rules, id } = await start(5);
  await rules.comment({ id, by: "li", text: "first" });
  await rules.comment({ id, by: "wang", text: "second" });
  await rules.assign({ id, by: "li", to: "wang" });
  expect(await rules.open()).toMatchObject([
    { assignee: "wang", comments: [{ text: "first" }, { by: "wang", text: "second" }] },
  ]);
  expect(await rules.assign({ id, by: "li", to: null })).toMatchObject({ ok: true, alert: { assignee: null } });
});

test("a shelf has a reason and an end, is in the audit, and can be taken back", async () => {
  const { rules, ledger, id } = await start(5);
  const until = t0 + 2 * 3_600_000;
  expect(await rules.shelve({ id, by: "li", reason: "sensor is being changed", until })).toMatchObject({
    ok: true,
    alert: { state: "SHELVED", shelved: { by: "li", until, was: "ACTIVE" } },
  });
  // Longer, and by another: what it was stays what it was.
  expect(await rules.shelve({ id, by: "wang", reason: "still", until: until + 1 })).toMatchObject({
    alert: { shelved: { by: "wang", until: until + 1, was: "ACTIVE" } },
  });
  expect(await rules.unshelve({ id, by: "li", reason: "changed" })).toMatchObject({
    ok: true,
    alert: { state: "ACTIVE" },
  });
  expect(await rules.unshelve({ id, by: "li", reason: "" })).toMatchObject({ ok: false, code: "RULES_NOT_SHELVED" });
  expect((await rules.open())[0]).not.toHaveProperty("shelved");
  const audit = (await ledger.list({ kind: "audit", limit: 10 })).items.map(({ body }) => body as { what: string });
  expect(audit.map(({ what }) => what).toSorted()).toEqual(["alert.shelve", "alert.unshelve"]);
});
test("a shelf without a reason, without a future or for ever is refused", async () => {
  const { rules, id } = await start(5);
  const refusal = async (change: object) => {
    const result = await rules.shelve({ id, by: "li", reason: "x", until: t0 + 2 * 3_600_000, ...change });
    return result.ok ? null : result.code;
  };
  expect(await refusal({ reason: " " })).toBe("RULES_COMMAND_INVALID");
  expect(await refusal({ until: t0 })).toBe("RULES_COMMAND_INVALID");
  expect(await refusal({ until: t0 + 8 * 86_400_000 })).toBe("RULES_COMMAND_INVALID");
  expect(await refusal({ id: "nothing" })).toBe("RULES_ALERT_UNKNOWN");
  const pending = await start(2);
  expect(await pending.rules.shelve({ id: pending.id, by: "li", reason: "x", until: t0 + 7_200_000 })).toMatchObject({
    code: "RULES_ALERT_PENDING",
  });
  await pending.rules[Symbol.asyncDispose]();
});

const seed = async (count: number) => {
  const { rules, ledger } = await start(5);
  const [template] = await rules.open();
  if (template === undefined) throw new Error("expected an open alert");
  for (let index = 0; index < count; index++) {
    const alert: Alert = {
      ...template,
      id: `old-${String(index).padStart(4, "0")}`,
      site: index % 2 === 0 ? "hall" : "other",
      state: "CLOSED",
      severity: index % 3 === 0 ? "MAJOR" : "WARNING",
      start: t0 - (index + 1) * 60_000,
      active: index % 5 === 4 ? null : t0,
    };
    await ledger.commit([
      {
        op: "put",
        kind: "alert",
        key: alert.id,
        site: alert.site,
        ts: timestamp(alert.start),
        body: alert as unknown as Json,
      },
    ]);
  }
  return rules;
};
const all = async (rules: Rules, query: Parameters<Rules["list"]>[0]) => {
  const found: Alert[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await rules.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(query.limit);
    found.push(...page.items);
    if (page.next === null) return found;
    cursor = page.next;
  }
};

test("pages hold every alert once, newest first, whatever their size", async () => {
  const rules = await seed(40);
  const whole = await all(rules, { limit: 1000 });
  expect(whole).toHaveLength(33);
  expect(whole.map(({ start }) => start)).toEqual(whole.map(({ start }) => start).sort((a, b) => b - a));
  expect(await all(rules, { limit: 7 })).toEqual(whole);
  expect(await all(rules, { limit: 1 })).toEqual(whole);
});
test("filters hold together, and one that was only ever pending is left out", async () => {
  const rules = await seed(40);
  const found = await all(rules, { limit: 3, site: "hall", severity: "MAJOR", state: "CLOSED", rule: "R01" });
  expect(found.map(({ id }) => id)).toEqual(["old-0000", "old-0006", "old-0012", "old-0018", "old-0030", "old-0036"]);
  expect(await all(rules, { limit: 3, rule: "R99" })).toEqual([]);
  expect(await all(rules, { limit: 9, from: t0 - 180_000, to: t0 })).toHaveLength(3);
});
test("the catalogue shows the rules in force with their files", async () => {
  const { rules } = await start(0);
  expect(
    rules
      .catalogue()
      .filter(({ id }) => ["R01", "R04", "R16"].includes(id))
      .map(({ id, on, levels }) => [id, on, levels.length]),
  ).toEqual([
    ["R01", "account", 2],
    ["R04", "reading", 2],
    ["R16", "account", 3],
  ]);
});
