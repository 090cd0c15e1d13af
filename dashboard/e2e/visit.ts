// What every file of whole-screen tests sets up and takes down: one browser, and a scene or the real product behind it.
import type { Browser, Page } from "playwright";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type Product, startProduct, temporaryFolder } from "../../deploy/product.ts";
import { launchBrowser, openScreen, type Screen } from "./browser.ts";
import { type Stage, startStage } from "./stage.ts";

export interface Visit {
  readonly page: Page;
  /** Errors of the page and of its console. */
  readonly faults: readonly string[];
}

const desk: Screen = { width: 1440, height: 900, locale: "en", scheme: "light" };

/** Opens pages of whatever is at `url` when a test asks; closes them after each test. */
const useBrowser = (url: () => string) => {
  let browser: Browser;
  let close: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await Promise.all(close.map((one) => one()));
    close = [];
  });
  afterAll(() => browser?.close());
  return async (path: string, screen: Partial<Screen> = {}): Promise<Visit> => {
    const { context, page, faults } = await openScreen(browser, { ...desk, ...screen });
    close.push(() => context.close());
    await page.goto(url() + path);
    return { page, faults };
  };
};

/** A scene of our own making, calm again after each test. */
export const useStage = () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage();
  });
  afterEach(() => {
    Object.assign(stage, { mood: "calm", empty: false, history: null, silent: false });
    stage.posted.length = 0;
  });
  afterAll(() => stage?.[Symbol.asyncDispose]());
  return { show: useBrowser(() => stage.url), stage: () => stage };
};

/** The real product with its demonstration; `prepare` writes files into its folder and gives the settings for them. */
export const useProduct = (
  prepare: (folder: string) => Promise<Readonly<Record<string, string>>> = () => Promise.resolve({}),
) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let product: Product;
  beforeAll(async () => {
    folder = await temporaryFolder();
    product = await startProduct(folder.path, { DEPLOY_DEMO: "on", ...(await prepare(folder.path)) });
  });
  afterAll(async () => {
    await product?.end("SIGTERM");
    await folder?.[Symbol.asyncDispose]();
  });
  return { show: useBrowser(() => product.url), product: () => product };
};
