// Rules, silences, channels, permits and alarm quality against a scene.
import { expect, test } from "vitest";
import { findBarriers } from "./browser.ts";
import { useStage } from "./visit.ts";

const { show, stage } = useStage();
const posted = () => expect.poll(() => stage().posted.at(-1));

test("the rules say mode, subjects, levels and how often they fired, at this site", async () => {
  const { page } = await show("/rules");
  const row = page.locator("tbody tr", { hasText: "Feed is close to its rating" });
  await row.waitFor();
  expect(await row.innerText()).toMatch(/Shadow[\s\S]*Warning[\s\S]*31 nodes[\s\S]*14 alerts/);
  await page.getByRole("button", { name: "Off (1)" }).click();
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await expect.poll(() => page.url()).toContain("mode=off");
});

test("another site's file decides about the mode there", async () => {
  const { page } = await show("/rules?site=gz-2");
  const row = page.locator("tbody tr", { hasText: "R21" });
  await row.getByText("Live").waitFor();
  expect(await row.innerText()).toContain("changed by the site file");
});

test("a rule shows its thresholds and what the site changed", async () => {
  const { page } = await show("/rules?rule=R16");
  const drawer = page.locator("dialog");
  await drawer.getByText("Thresholds and parameters").waitFor();
  const row = drawer.locator("tr", { hasText: "warning share" });
  expect(await row.innerText()).toMatch(/0\.95\s+0\.90/);
  expect(await drawer.innerText()).toContain("projected_w > contract_w");
});

test("a backtest tells how often a rule fires, and the hold that its history suggests", async () => {
  const { page } = await show("/rules?rule=R21");
  await page.getByRole("button", { name: "Run the backtest" }).click();
  await page.getByText("2 mins before it comes up").waitFor();
  expect(stage().posted.at(-1)).toMatchObject({
    path: "/api/v1/rules/backtest",
    body: { site: "jinan-1", rule: "R21" },
  });
  expect(await page.locator("dialog").innerText()).toContain("308 min");
});

test("a changed rule is compared with the one in force", async () => {
  const { page } = await show("/rules?rule=R21", { width: 390 });
  await page.getByText("Try a changed rule").click();
  await page.getByLabel("The rule file").fill("id: R21\nversion: 2\n");
  await page.getByRole("button", { name: "Compare with the rule in force" }).click();
  await page.getByText("would not have come up").waitFor();
  expect(stage().posted.at(-1)?.body).toMatchObject({ rule: "R21", source: "id: R21\nversion: 2\n" });
  expect((await page.locator(".difference").innerText()).replaceAll(/\s+/g, " ")).toContain("−5 removed");
  expect(await findBarriers(page)).toEqual([]);
  expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBe(0);
});

test("a silence says what it would mute before it is made, and needs a reason", async () => {
  const { page } = await show("/notifications");
  await page.getByRole("button", { name: "New silence" }).click();
  const form = page.locator("dialog");
  await form.getByText("3 open alerts match now.").waitFor();
  await form.getByLabel("Rule").selectOption("R04");
  await form.getByText("1 open alert matches now.").waitFor();
  const make = form.getByRole("button", { name: "Silence", exact: true });
  expect(await make.isDisabled()).toBe(true);
  await form.getByLabel("Reason").fill("firmware");
  await form.getByLabel("Your name").fill("Li Wei");
  await form.getByRole("button", { name: "8 h" }).click();
  expect(await findBarriers(page)).toEqual([]);
  await make.click();
  await form.waitFor({ state: "detached" });
  const body = stage().posted.at(-1)?.body as { until: number };
  expect(body).toMatchObject({ match: { site: ["jinan-1"], rule: ["R04"] }, reason: "firmware", by: "Li Wei" });
  expect(Math.abs(body.until - Date.now() - 8 * 3_600_000)).toBeLessThan(5 * 60_000);
});

test("a silence for every alert cannot be made", async () => {
  const { page } = await show("/notifications");
  await page.getByRole("button", { name: "New silence" }).click();
  const form = page.locator("dialog");
  await form.getByLabel("Site").selectOption("");
  await form.getByText("a silence for all of them is refused").waitFor();
  await form.getByLabel("Reason").fill("quiet");
  expect(await form.getByRole("button", { name: "Silence", exact: true }).isDisabled()).toBe(true);
});

test("a silence that ends soon says so, and is ended by name", async () => {
  const { page } = await show("/notifications");
  const row = page.locator(".silences li", { hasText: "change 4711" });
  await row.getByText("ends in").waitFor();
  await row.getByRole("button", { name: "End now" }).click();
  await page.locator("dialog").getByLabel("Your name").fill("Li Wei");
  await page.keyboard.press("Enter");
  await posted().toEqual({ path: "/api/v1/silences/s-1/end", body: { by: "Li Wei" } });
  await page.getByRole("button", { name: "Past ones (1)" }).click();
  await page.getByText("Utility announced").waitFor();
});

test("a channel tells how its last message went, and is tested", async () => {
  const { page } = await show("/notifications");
  const row = page.locator(".channels li", { hasText: "hall-siren" });
  await row.getByText("nothing sent in 7 days").waitFor();
  expect(await page.locator(".channels li", { hasText: "chief-sms" }).innerText()).toMatch(
    /Given up[\s\S]*ECONNREFUSED/,
  );
  await row.getByRole("button", { name: "Test the channel hall-siren" }).click();
  await row.getByText("200 OK").waitFor();
  expect(stage().posted.at(-1)?.path).toBe("/api/v1/channels/hall-siren/test");
});

test("the delivery log is filtered by state", async () => {
  const { page } = await show("/notifications");
  await expect.poll(() => page.locator(".log li").count()).toBe(5);
  await page.getByLabel("State of the message").selectOption("failed");
  await expect.poll(() => page.locator(".log li").count()).toBe(1);
  await page.locator(".log summary").click();
  await page.getByRole("link", { name: "alert 1" }).waitFor();
});

test("with nothing set up each panel says what would fill it", async () => {
  stage().empty = true;
  const { page } = await show("/notifications");
  for (const hint of ["RULES_NOTIFY_FILE", "Nothing is silenced", "No recurring window", "Nothing was told so far"])
    await page.getByText(hint).first().waitFor();
});

test("the supply mode stands on Operations and Alerts, with the incident that holds alerts back", async () => {
  stage().mood = "open";
  const { page } = await show("/alerts");
  await page.getByText("On generator").waitFor();
  expect(await page.getByRole("link", { name: "incident" }).getAttribute("href")).toContain("id=a-r01");
  stage().mood = "calm";
  const { page: other } = await show("/");
  await other.getByText("On mains").waitFor();
});

test("a work permit is opened for a node and closed by name", async () => {
  const { page } = await show("/alerts");
  await page.getByText("overrun by").waitFor();
  await page.getByRole("button", { name: "Open a permit" }).click();
  const form = page.locator("dialog");
  await form.getByLabel("Node").selectOption("ups");
  await form.getByLabel("Work and permit number").fill("battery string 3");
  await form.getByLabel("Your name").fill("Chen Jie");
  expect(await findBarriers(page)).toEqual([]);
  await form.getByRole("button", { name: "Open a permit" }).click();
  await posted().toMatchObject({
    path: "/api/v1/permits",
    body: { site: "jinan-1", node: "ups", by: "Chen Jie", reason: "battery string 3" },
  });
  await form.waitFor({ state: "detached" });
  await page.locator("li", { hasText: "Pump seal" }).getByRole("button", { name: "Close" }).click();
  // The name is remembered.
  await page.keyboard.press("Enter");
  await posted().toEqual({ path: "/api/v1/permits/p-1/close", body: { by: "Chen Jie" } });
});

test("an alert is shelved with a reason until a time", async () => {
  const { page } = await show("/alerts?id=a-r04");
  await page.getByRole("button", { name: "Shelve", exact: true }).click();
  const form = page.locator("dialog", { hasText: "Shelve the alert" });
  await form.getByLabel("Why it is put aside").fill("sensor ordered");
  await form.getByLabel("Your name").fill("Li Wei");
  await form.getByRole("button", { name: "7 d" }).click();
  expect(await findBarriers(page)).toEqual([]);
  await form.getByRole("button", { name: "Shelve", exact: true }).click();
  await form.waitFor({ state: "detached" });
  const sent = stage().posted.at(-1);
  expect(sent).toMatchObject({ path: "/api/v1/alerts/a-r04/shelve", body: { by: "Li Wei", reason: "sensor ordered" } });
  const body = sent?.body as { until: number } | undefined;
  expect(body?.until).toBeGreaterThan(Date.now() + 6 * 86_400_000);
});

test("alerts are ranked by what was lost", async () => {
  const { page } = await show("/alerts?view=waste");
  await page.locator(".title").first().waitFor();
  expect(await page.locator("ol li").first().innerText()).toMatch(/412 kWh[\s\S]*371\.07 CNY[\s\S]*239 kg/);
  await page.locator(".title").first().click();
  await page.locator("dialog").getByText("Recommended action").waitFor();
});

test("alarm quality is told per operator", async () => {
  const { page } = await show("/alerts?view=quality", { locale: "zh-CN" });
  await page.locator(".tiles .number", { hasText: "0.38" }).waitFor();
  await page.getByLabel("值班人数").selectOption("4");
  await page.locator(".tiles .number", { hasText: "0.10" }).waitFor();
});
