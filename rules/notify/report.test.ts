import { expect, test } from "vitest";
import { alertOf } from "./alert.fixture.ts";
import { reportOf } from "./report.ts";

const at = (text: string) => Date.parse(`${text}+08:00`);
const plan = {
  ...{ name: "day", cron: "0 8 * * *", time_zone: "Asia/Shanghai", period: "day" as const, to: ["ops"] },
};
const alerts = [
  alertOf({ id: "a", active: at("2026-11-20T09:00"), returned: at("2026-11-20T09:10") }),
  alertOf({ id: "b", active: at("2026-11-22T09:00"), returned: at("2026-11-22T09:10") }),
];
const list = async ({
  activeFrom = 0,
  activeTo = 0,
}: {
  readonly activeFrom?: number;
  readonly activeTo?: number;
}) => ({
  items: alerts.filter(({ active }) => (active ?? 0) >= activeFrom && (active ?? 0) < activeTo),
  next: null,
});
const due = at("2026-11-23T08:00");
const linesOf = async (missed: readonly string[], late: boolean) => {
  const report = await reportOf({ list }, plan, { due, late, missed: missed.map(at) }, null);
  return { title: report.en.title, en: report.en.text.split("\n"), zh: report["zh-CN"].text.split("\n") };
};

test("a report on time is about its own period and says nothing of lateness", async () => {
  const { title, en } = await linesOf([], false);
  expect(title).toBe("Wattlas day: alerts 1");
  expect(en[0]).toBe("2026-11-22 08:00 – 2026-11-23 08:00 (Asia/Shanghai)");
  expect(en.some((line) => line.startsWith("late"))).toBe(false);
});

test("one that was late says when it was due", async () => {
  expect((await linesOf([], true)).en).toContain("late: it was due at 2026-11-23 08:00");
});

test("one that stands for several that were missed is about all their time, and says so", async () => {
  const { title, en, zh } = await linesOf(["2026-11-21T08:00", "2026-11-22T08:00"], true);
  expect(title).toBe("Wattlas day: alerts 2");
  expect(en[0]).toBe("2026-11-20 08:00 – 2026-11-23 08:00 (Asia/Shanghai)");
  expect(en).toContain("late: 2 before it were missed since 2026-11-21 08:00, this one is for all of them");
  expect(zh).toContain("补发：自 2026-11-21 08:00 起此前 2 份未按时发送，本报告一并包含");
});
