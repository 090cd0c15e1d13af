import { beforeAll, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import { setLocale } from "#lib/i18n/i18n.svelte.ts";
import "#lib/ui/app.css";
import Chart from "./Chart.svelte";
import ResidualStrip from "./ResidualStrip.svelte";

const minute = 60_000;
const start = 1_795_219_200_000;
const ts = Array.from({ length: 30 }, (_, index) => start + index * minute);
const props = {
  title: "IT power",
  ts,
  series: [{ label: "IT power", unit: "kW", values: ts.map((_, index) => (index === 10 ? null : 100 + index)) }],
  from: start,
  to: start + 30 * minute,
  zone: "Asia/Shanghai",
  file: "it.csv",
  onzoom: vi.fn(),
  onback: vi.fn(),
};

beforeAll(() => setLocale("en"));

test("a chart says in a sentence what it shows", async () => {
  const screen = await render(Chart, props);
  await expect.element(screen.getByText("IT power: newest 129 kW, mean 115, between 100 and 129.")).toBeVisible();
});

test("the arrow keys move the crosshair and read it out", async () => {
  const screen = await render(Chart, props);
  const plot = screen.getByRole("slider");
  (plot.element() as HTMLElement).focus();
  await userEvent.keyboard("{Home}{ArrowRight}");
  await expect.element(plot).toHaveAttribute("aria-valuenow", "1");
  await expect.element(plot).toHaveAttribute("aria-valuetext", expect.stringContaining("IT power 101 kW"));
});

test("Escape goes back to the range before", async () => {
  const screen = await render(Chart, props);
  (screen.getByRole("slider").element() as HTMLElement).focus();
  await userEvent.keyboard("{Escape}");
  expect(props.onback).toHaveBeenCalledOnce();
});

test("the table holds the newest rows, a gap as a dash", async () => {
  const screen = await render(Chart, { ...props, ts: ts.slice(0, 12), series: props.series });
  await screen.getByText("As a table (UTC+8)").click();
  await expect.element(screen.getByRole("cell", { name: "—" })).toBeVisible();
});

test("a range without values says so", async () => {
  const screen = await render(Chart, {
    ...props,
    series: [{ label: "IT power", unit: "kW", values: ts.map(() => null) }],
  });
  await expect.element(screen.getByText("No values in this time range.")).toBeVisible();
});

test("a chart that leaves the screen leaves nothing behind", async () => {
  const screen = await render(Chart, props);
  await screen.unmount();
  expect(document.querySelectorAll(".uplot")).toHaveLength(0);
});

test("the strip counts the minutes outside the tolerance", async () => {
  const screen = await render(ResidualStrip, {
    ts: ts.slice(0, 4),
    residual: [100, -200, 9000, null],
    tolerance: [2000, 2000, 2000, null],
  });
  await expect.element(screen.getByText(/1 of 3 minutes outside the tolerance/)).toBeVisible();
});
