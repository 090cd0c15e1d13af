// Rules, silences, channels and permits on the real product, with its demonstration site.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HealthWire } from "../server/wire.ts";
import { useProduct } from "./visit.ts";

const plan = `
channels:
  - { name: siren, kind: mqtt, topic: hall/siren }
routes:
  - name: everything
    tiers: [{ to: [siren] }]
maintenance:
  - { name: genset test, match: { rule: [R25] }, cron: "0 9 * * 1", time_zone: Asia/Shanghai, minutes: 60 }
`;

const { show, product } = useProduct(async (folder) => {
  const file = join(folder, "notify.yaml");
  await writeFile(file, plan);
  return { RULES_NOTIFY_FILE: file };
});

test("every shipped rule is listed, and one is tried on the site's own history", async () => {
  const { page, faults } = await show("/rules?site=demo");
  await page.locator("tbody tr").nth(37).waitFor();
  await page.getByRole("button", { name: "Power balance does not close" }).click();
  await page.getByText("Thresholds and parameters").waitFor();
  await page.getByRole("button", { name: "Run the backtest" }).click();
  await page.getByText("closed minutes").waitFor();
  expect(await page.locator("dialog").innerText()).toMatch(/In force v1\s+\d/);
  expect(faults).toEqual([]);
});

test("a channel is tested and the message stands in the log", async () => {
  const { page, faults } = await show("/notifications?site=demo", { locale: "zh-CN" });
  await page.getByText("genset test").waitFor();
  await page.getByRole("button", { name: "测试渠道 siren" }).click();
  await page.locator(".channels li", { hasText: "已发送" }).waitFor();
  await page.locator(".log li", { hasText: "siren" }).first().waitFor();
  expect(faults).toEqual([]);
});

test("a silence is made and ended", async () => {
  const { page, faults } = await show("/notifications?site=demo");
  await page.getByRole("button", { name: "New silence" }).click();
  const form = page.locator("dialog");
  await form.getByLabel("Rule").selectOption("R04");
  await form.getByText(/open alerts? match/).waitFor();
  await form.getByLabel("Reason").fill("firmware");
  await form.getByLabel("Your name").fill("Li Wei");
  await form.getByRole("button", { name: "Silence", exact: true }).click();
  const row = page.locator(".silences li", { hasText: "firmware" });
  await row.getByRole("button", { name: "End now" }).click();
  await form.getByRole("button", { name: "End now" }).click();
  await page.getByRole("button", { name: "Past ones (1)" }).waitFor();
  expect(faults).toEqual([]);
});

test("the supply mode is known or said to be unknown, and a permit is one expected alert", async () => {
  // While a week of history loads the site's clock runs past any end.
  const phase = async () =>
    ((await (await fetch(`${product().url}/api/v1/health`)).json()) as HealthWire).demo?.phase ?? "none";
  await expect.poll(phase, { timeout: 110_000, interval: 500 }).toBe("live");
  const { page, faults } = await show("/alerts?site=demo");
  await page.getByText(/On mains|Supply mode unknown/).waitFor();
  const opening = page.getByRole("button", { name: "Open a permit" });
  await expect.poll(() => opening.isEnabled()).toBe(true);
  await opening.click();
  const form = page.locator("dialog");
  await form.getByLabel("Node").selectOption({ index: 1 });
  await form.getByLabel("Work and permit number").fill("WP 118");
  await form.getByLabel("Your name").fill("Chen Jie");
  await form.getByRole("button", { name: "Open a permit" }).click();
  const permit = page.locator("li", { hasText: "WP 118" });
  await permit.waitFor();
  await page.getByText("is isolated on purpose").first().waitFor();
  await permit.getByRole("button", { name: "Close" }).click();
  await form.getByRole("button", { name: "Close" }).click();
  await permit.getByText("closed by Chen Jie").waitFor();
  expect(faults).toEqual([]);
});

test("a site's alarms are judged and ranked", async () => {
  const { page, faults } = await show("/alerts?site=demo&view=quality");
  await page.getByText(/Per operator and hour|No alarm was told/).waitFor();
  await page.getByRole("button", { name: "By cost" }).click();
  await page
    .getByText(/Energy|No alert with a loss/)
    .first()
    .waitFor();
  expect(faults).toEqual([]);
});
