import { beforeAll, expect, test } from "vitest";
import { page } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import { setLocale } from "#lib/i18n/i18n.svelte.ts";
import { nowAt } from "../../../../e2e/scene/site.ts";
import "#lib/ui/app.css";
import Flow from "./Flow.svelte";

const ts = Date.now();

beforeAll(async () => {
  await page.viewport(1280, 900);
  await setLocale("en");
});

test("every arrow carries a number, a unit, a direction in words and an age", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "calm") });
  const units = screen.container.querySelectorAll("li.unit");
  expect(units.length).toBeGreaterThanOrEqual(6);
  for (const unit of units) {
    expect(unit.querySelector(".value")?.textContent).toMatch(/\d.*(W|kW|MW)/);
    expect(unit.querySelector(".word")?.textContent?.trim()).not.toBe("");
    expect(unit.querySelector(".age")?.textContent).toMatch(/ago/);
  }
});

test("no flow is shown with a minus, charging is a word", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "calm") });
  expect(screen.container.textContent).not.toMatch(/[−-]\d/);
  await expect.element(screen.getByText("charging")).toBeVisible();
});

test("an open balance is told in words beside the residual and its limit", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "open") });
  await expect.element(screen.getByText("Balance open")).toBeVisible();
  expect(screen.container.querySelector("li.residual .value")?.textContent).toMatch(/18\.6/);
  expect(screen.container.querySelector("li.residual")?.textContent).toMatch(/± 10\.0 kW/);
});

test("a stale value stays readable, with its age; a missing one is a dash", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "stale") });
  const stale = screen.container.querySelector("li.stale");
  expect(stale?.querySelector(".value")?.textContent).toMatch(/\d/);
  expect(stale?.querySelector(".age")?.textContent).toMatch(/stale.*\d mins/s);
  expect(screen.container.querySelector("li.residual .value")?.textContent?.trim()).toBe("—");
});

test("values that are not measured on site say so", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "calm") });
  await expect.element(screen.getByText("Replayed from a real recording").first()).toBeInTheDocument();
});

test("nothing moves for those who asked for less motion", async () => {
  const screen = await render(Flow, { now: nowAt(ts, "calm") });
  const dots = screen.container.querySelector(".dots");
  expect(dots === null ? "none" : getComputedStyle(dots).display).toBe("none");
});
