import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright";
import { findChromium } from "./chromium.ts";

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly locale: "en" | "zh-CN";
  readonly scheme: "light" | "dark";
  /** Still pictures ask for none. */
  readonly motion?: "reduce" | "no-preference";
}

export const launchBrowser = async (): Promise<Browser> => {
  const { executablePath, args, env } = await findChromium();
  return chromium.launch({ executablePath, args: [...args], env });
};

const fontPackage = join(
  createRequire(import.meta.url).resolve("@fontsource-variable/noto-sans-sc/package.json"),
  "..",
);
const fontPath = "/test-font/";
// Longer than the product takes to start on a machine that does much else.
const patienceMs = 120_000;

/**
 * A page as somebody would see it. Test machines have no Chinese glyphs, so Noto Sans SC is served to the page beside
 * the product's own files; the product itself ships no font.
 */
export const openScreen = async (
  browser: Browser,
  screen: Screen,
): Promise<{ context: BrowserContext; page: Page; faults: string[] }> => {
  const context = await browser.newContext({
    viewport: { width: screen.width, height: screen.height },
    locale: screen.locale === "en" ? "en-GB" : "zh-CN",
    timezoneId: "Asia/Shanghai",
    colorScheme: screen.scheme,
    reducedMotion: screen.motion ?? "reduce",
  });
  context.setDefaultTimeout(patienceMs);
  await context.route(`**${fontPath}**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(fontPath.length);
    const body = await readFile(join(fontPackage, name));
    await route.fulfill({ body, contentType: name.endsWith(".css") ? "text/css" : "font/woff2" });
  });
  await context.addInitScript({
    content: `addEventListener("DOMContentLoaded", () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = "${fontPath}index.css";
      document.head.append(link);
      document.documentElement.style.setProperty("--font", '"Noto Sans SC Variable", sans-serif');
    });`,
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return { context, page, faults };
};

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/** What axe finds against WCAG 2.2 A and AA, one line each. */
export const findBarriers = async (page: Page): Promise<string[]> => {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await page.evaluate<{ violations: Finding[] }>(
    `axe.run(document, { runOnly: ${JSON.stringify(tags)} })`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary ?? ""}`),
  );
};
