// The screens against a scene: states that the real product reaches seldom, and all that must hold in every one.
import { expect, test } from "vitest";
import { findBarriers } from "./browser.ts";
import { useStage } from "./visit.ts";

const { show, stage } = useStage();
const handEveryMs = { interval: 1000 };

/** What stands on each page when it has been read. */
const pages: Readonly<Record<string, string>> = {
  "/": ".flow .pill",
  "/efficiency": ".u-over",
  "/alerts": "tbody tr",
  "/alerts?view=history": "tbody tr",
  "/alerts?id=a-r04": "dialog ol li",
  "/alerts?view=waste": ".title",
  "/alerts?view=quality": ".tiles .number",
  "/rules": "tbody tr",
  "/rules?rule=R16": "#backtest-title",
  "/notifications": ".log li",
  "/ingest": ".devices tbody tr",
};

for (const locale of ["en", "zh-CN"] as const)
  for (const scheme of ["light", "dark"] as const)
    for (const width of [390, 1440])
      test(`no barrier, no overflow, no fault: ${locale}, ${scheme}, ${width} px`, async () => {
        stage().mood = "stale";
        for (const [path, sign] of Object.entries(pages)) {
          const { page, faults } = await show(path, { locale, scheme, width });
          await page.locator(sign).first().waitFor();
          expect([path, await findBarriers(page)]).toEqual([path, []]);
          const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
          expect([path, overflow]).toEqual([path, 0]);
          expect([path, faults]).toEqual([path, []]);
          expect(await page.evaluate<string>("document.documentElement.lang")).toBe(locale);
          if (locale === "zh-CN") expect(await page.locator("main").innerText()).toMatch(/[一-龥]/);
        }
      });

test("between a phone and a desk nothing runs out of the page", async () => {
  const { page } = await show("/");
  await page.locator(".flow .pill").first().waitFor();
  for (const width of [600, 820, 1024, 1100, 1200, 1300, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    await expect
      .poll(() => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), {
        message: `${width} px`,
      })
      .toBe(0);
    const box = await page.getByRole("button", { name: "中文" }).boundingBox();
    expect((box?.x ?? width) + (box?.width ?? 0), `${width} px`).toBeLessThanOrEqual(width);
  }
});

test("the flow shows an open balance with its residual, in words", async () => {
  stage().mood = "open";
  const { page } = await show("/");
  await page.getByText("Balance open").waitFor();
  expect(await page.locator("li.residual").innerText()).toMatch(/18\.6\s*kW/);
});

test("a link that is lost leaves the last values readable, and says so", async () => {
  const { page } = await show("/");
  await page.locator(".flow .pill").first().waitFor();
  stage().silent = true;
  await page.getByText("The live link is down").waitFor();
  expect(await page.locator(".flow li.unit .value").first().innerText()).toMatch(/\d/);
  stage().silent = false;
  await page.getByText("The live link is down").waitFor({ state: "detached" });
});

test("with no site the page says how to publish the first reading", async () => {
  stage().empty = true;
  const { page } = await show("/");
  await page.getByText("mosquitto_pub -h 127.0.0.1 -p 1883", { exact: false }).waitFor();
});

test("the demonstration's history shows its progress", async () => {
  stage().history = 0.42;
  const { page } = await show("/");
  await page.getByText("42 %").waitFor();
});

test("the language is switched and remembered", async () => {
  const { page } = await show("/");
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("link", { name: "运行总览" }).waitFor();
  await page.reload();
  await page.getByRole("link", { name: "运行总览" }).waitFor();
});

test("the site is chosen in the header and stays in the address", async () => {
  const { page } = await show("/alerts");
  await page.getByLabel("Site").selectOption("gz-2");
  await page.waitForURL(/site=gz-2/);
  await page.getByRole("link", { name: "Ingest" }).click();
  await page.waitForURL(/\/ingest\?site=gz-2/);
});

test("all console tasks go without a pointer", async () => {
  stage().mood = "open";
  const { page } = await show("/alerts");
  await page.locator("tbody tr").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await expect.poll(() => page.locator("tr.selected").innerText()).toContain("Contract demand");
  await page.keyboard.press("a");
  await page.getByLabel("Your name").fill("Li Wei");
  await page.getByLabel("Reason (optional)").fill("battery discharges");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  expect(stage().posted).toEqual([
    { path: "/api/v1/alerts/a-r16/ack", body: { by: "Li Wei", reason: "battery discharges" } },
  ]);
  await page.keyboard.press("/");
  await page.keyboard.type("stale");
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await expect.poll(() => page.url()).toContain("q=stale");
  await page.locator("tbody tr button.title").focus();
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard" }).waitFor();
  await page.keyboard.press("Escape");
});

test("filters live in the address", async () => {
  stage().mood = "open";
  const { page } = await show("/alerts?severity=MAJOR");
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await page.getByRole("button", { name: "Major" }).click();
  await expect.poll(() => page.locator("tbody tr").count()).toBe(3);
  await expect.poll(() => page.url()).not.toContain("severity");
});

test("rows keep their place under the pointer, and new ones wait to be let in", async () => {
  stage().mood = "open";
  const { page } = await show("/alerts");
  const rows = page.locator("tbody tr");
  await expect.poll(() => rows.count()).toBe(3);
  const [first] = await rows.allInnerTexts();
  await rows.first().hover();
  stage().raise("a-new");
  await page.getByRole("button", { name: "1 new" }).waitFor();
  expect(await rows.count()).toBe(3);
  expect((await rows.first().innerText()).slice(0, 20)).toBe(first?.slice(0, 20));
  await page.getByRole("button", { name: "1 new" }).click();
  await expect.poll(() => rows.count()).toBe(4);
});

test("the drawer shows the timeline, what was seen and what to do", async () => {
  const { page } = await show("/alerts?id=a-r04");
  const drawer = page.locator("dialog");
  await drawer.getByText("Recommended action").waitFor();
  const text = await drawer.innerText();
  for (const part of ["Pending", "Active", "Acknowledged by Li Wei", "Firmware update until 15:00", "240 s", "30 s"])
    expect(text).toContain(part);
  await drawer.getByLabel("Your name").fill("Li Wei");
  await drawer.getByLabel("Comment").fill("still flashing");
  await drawer.getByRole("button", { name: "Add" }).click();
  await expect.poll(() => stage().posted.length).toBe(1);
  expect(stage().posted[0]?.body).toEqual({ by: "Li Wei", text: "still flashing" });
});

test("a drag zooms every chart, a double click goes back", async () => {
  const { page } = await show("/efficiency?from=now-24h");
  const plot = page.locator(".u-over").first();
  await plot.waitFor();
  const drag = async () => {
    const box = await plot.boundingBox();
    if (box === null) return;
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 });
    await page.mouse.up();
  };
  // The page may still move while its other charts come in: then the hand is tried again, as a person would.
  await expect.poll(() => drag().then(() => page.url()), handEveryMs).toMatch(/from=\d+.*to=\d+/);
  await expect.poll(() => plot.dblclick().then(() => page.url()), handEveryMs).toMatch(/from=now-24h/);
});

test("the crosshair of one chart moves on all", async () => {
  const { page } = await show("/efficiency?from=now-24h");
  await page.locator(".u-over").nth(1).waitFor();
  const told = async () => {
    await page.locator(".u-over").first().hover();
    return page.locator(".legend .when", { hasText: /\d\d:\d\d/ }).count();
  };
  await expect.poll(told).toBeGreaterThanOrEqual(3);
});

test("a wall screen has nothing to press", async () => {
  const { page } = await show("/?wall", { width: 1920, height: 1080, scheme: "dark" });
  await page.locator(".flow .pill").first().waitFor();
  expect(await page.locator("button:visible, a:visible:not(.skip), select:visible").count()).toBe(
    await page.locator(".alerts a:visible").count(),
  );
});

test("dots run only where power flows, and only for those who want motion", async () => {
  const { page } = await show("/", { motion: "no-preference" });
  await page.locator(".dots i").first().waitFor({ state: "attached" });
  const flowing = page.locator(".flow li.unit .word", { hasNotText: /idle|unknown/ });
  // Two dots a line; the residual has none.
  await expect.poll(async () => (await page.locator(".dots i").count()) - 2 * ((await flowing.count()) - 1)).toBe(0);
});
