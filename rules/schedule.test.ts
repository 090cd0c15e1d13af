import { expect, test } from "vitest";
import { createMemoryLedger } from "#store";
import { openSchedule, type Turn } from "./schedule.ts";

const at = (text: string) => Date.parse(`${text}+08:00`);

const open = async (ledger = createMemoryLedger(), now = { at: at("2026-11-20T07:59:30") }) => {
  const ran: string[] = [];
  let fault: Error | null = null;
  let hold: Promise<void> = Promise.resolve();
  const faults: unknown[] = [];
  const job = {
    name: "morning",
    cron: "0 8 * * *",
    timeZone: "Asia/Shanghai",
    run: async ({ due, late, missed }: Turn) => {
      await hold;
      if (fault) throw fault;
      const more = missed.length === 0 ? "" : ` for ${missed.length} since ${new Date(missed[0] ?? 0).toISOString()}`;
      ran.push(`${new Date(due).toISOString()}${late ? " late" : ""}${more}`);
    },
  };
  const schedule = await openSchedule([job], { ledger, now: () => now.at, fail: (error) => faults.push(error) });
  return {
    ...{ ledger, now, ran, faults, schedule },
    fail: (error: Error | null) => {
      fault = error;
    },
    wait: (promise: Promise<void>) => {
      hold = promise;
    },
  };
};

test("a job runs once when its minute has come, in its own zone", async () => {
  const { schedule, now, ran } = await open();
  await schedule.turn();
  expect(ran).toEqual([]);
  now.at = at("2026-11-20T08:00:10");
  await schedule.turn();
  now.at = at("2026-11-20T08:00:50");
  await schedule.turn();
  expect(ran).toEqual(["2026-11-20T00:00:00.000Z"]);
  now.at = at("2026-11-21T08:00:00");
  await schedule.turn();
  expect(ran).toHaveLength(2);
});

test("what was missed is made up for once after a restart, and said", async () => {
  const { ledger, now, schedule } = await open();
  now.at = at("2026-11-20T08:00:10");
  await schedule.turn();
  await schedule[Symbol.asyncDispose]();
  const again = await open(ledger, { at: at("2026-11-23T12:00:00") });
  await again.schedule.turn();
  await again.schedule.turn();
  expect(again.ran).toEqual(["2026-11-23T00:00:00.000Z late for 2 since 2026-11-21T00:00:00.000Z"]);
});

test("a new job has missed nothing", async () => {
  const { schedule, ran } = await open(undefined, { at: at("2026-11-20T12:00:00") });
  await schedule.turn();
  expect(ran).toEqual([]);
});

test("a job that failed is told and tried again", async () => {
  const { schedule, now, ran, faults, fail } = await open();
  fail(new Error("the mail server is away"));
  now.at = at("2026-11-20T08:00:10");
  await schedule.turn();
  expect(faults).toHaveLength(1);
  fail(null);
  now.at = at("2026-11-20T08:03:00");
  await schedule.turn();
  expect(ran).toEqual(["2026-11-20T00:00:00.000Z late"]);
});

test("a job that is still running is not started again", async () => {
  const { schedule, now, ran, wait } = await open();
  const gate = Promise.withResolvers<void>();
  wait(gate.promise);
  now.at = at("2026-11-20T08:00:10");
  const first = schedule.turn();
  const second = schedule.turn();
  gate.resolve();
  await Promise.all([first, second]);
  expect(ran).toHaveLength(1);
});
