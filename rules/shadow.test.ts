import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, type Ledger, timestamp } from "#store";
import { loadCatalogue } from "./catalogue.ts";
import { startRules } from "./engine.ts";
import type { RulesMessage } from "./rules.ts";
import { accountOf, siteOf } from "./specimen.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const rule = `
id: X01
version: 1
mode: shadow
title: { en: Heavy load, zh-CN: 负荷过大 }
action: { en: Look, zh-CN: 查看 }
on: account
subject: site
inputs: [supply_w]
levels:
  - { severity: WARNING, subcode: heavy, trigger: supply_w > kW(10), hold_on_s: 0, clear: supply_w < kW(9), hold_off_s: 0 }
`;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-shadow-"));
  await writeFile(join(dir, "x01.yaml"), rule);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const start = async (ledger: Ledger, messages: RulesMessage[], switchedOn: readonly string[]) =>
  startRules(
    {
      RULES_DIR: dir,
      RULES_TICK_MS: 1000,
      RULES_CATCHUP_WAIT_MS: 60_000,
      RULES_SAVE_MS: 100,
      RULES_ON: [...switchedOn],
    },
    {
      readings: createMemoryReadings(),
      ledger,
      sites: [siteOf({ id: "hall", devices: [], intervalMs: 10_000 })],
      publish: (message) => void messages.push(message),
      onError: (error) => {
        throw error;
      },
      now: () => t0,
      timers: { every: () => () => {} },
    },
  );
const account = (ledger: Ledger, minute: number, supplyW: number) => {
  const from = t0 + minute * 60_000;
  const body = accountOf({ site: "hall", start: from, end: from + 60_000, supplyW }) as unknown as Json;
  return ledger.commit([
    { op: "put", kind: "account/1m", key: `hall/${from}`, site: "hall", ts: timestamp(from), body },
  ]);
};

test("a rule in shadow mode is evaluated and recorded, and told to nobody", async () => {
  const ledger = createMemoryLedger();
  const messages: RulesMessage[] = [];
  await using rules = await start(ledger, messages, []);
  await account(ledger, 0, 20_000);
  await rules.settled();
  expect(rules.catalogue().find(({ id }) => id === "X01")?.mode).toBe("shadow");
  expect(await rules.open()).toEqual([]);
  expect((await rules.list({ limit: 10 })).items).toEqual([]);
  const listed = (await rules.list({ limit: 10, shadow: true })).items;
  expect(listed).toMatchObject([{ rule: "X01", state: "ACTIVE", shadow: true }]);
  await account(ledger, 1, 0);
  await rules.settled();
  // Nobody was told, so nobody need acknowledge it.
  const history = await rules.history(listed[0]?.id ?? "");
  expect(history.map(({ state }) => state)).toEqual(["ACTIVE", "CLOSED"]);
  expect(messages).toEqual([]);
});

test("a shadow rule that is switched on tells, beginning with a new alert", async () => {
  const ledger = createMemoryLedger();
  const messages: RulesMessage[] = [];
  {
    await using rules = await start(ledger, messages, []);
    await account(ledger, 0, 20_000);
    await rules.settled();
  }
  await using rules = await start(ledger, messages, ["X01"]);
  expect(await rules.open()).toEqual([]);
  await account(ledger, 1, 20_000);
  await rules.settled();
  expect(await rules.open()).toMatchObject([{ rule: "X01", state: "ACTIVE", start: t0 + 60_000 }]);
  expect((await rules.list({ limit: 10, shadow: true })).items).toMatchObject([{ state: "CLOSED" }]);
  expect(messages.map(({ topic }) => topic)).toEqual(["dc/hall/alert/X01/hall"]);
});

test("switching on a rule that does not exist is a fault", async () => {
  expect(await loadCatalogue(dir, ["X01", "X02"])).toMatchObject({
    ok: false,
    faults: [{ file: "RULES_ON", message: expect.stringContaining('"X02" is no rule in force') as string }],
  });
});
