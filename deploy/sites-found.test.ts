import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { sitesFound } from "./sites-found.ts";

const folders: string[] = [];
const folder = async () => {
  const path = await mkdtemp(join(tmpdir(), "wattlas-sites-"));
  folders.push(path);
  return path;
};
afterEach(async () => {
  for (const path of folders.splice(0)) await rm(path, { recursive: true });
});

test("a folder that does not exist is named, with what happens as it is and what to do", async () => {
  const missing = join(await folder(), "sites");
  const text = await sitesFound(missing, { count: 1, demo: "on" });
  expect(text).toContain(
    `looked for *.yaml and *.yml in ${missing} (ENERGY_SITES_DIR=${missing}), which does not exist`,
  );
  expect(text).toMatch(/demonstration site will play/);
  expect(text).toMatch(/site\.good\.yaml/);
});

test("an empty folder is said to be empty, and that no site is accounted without the demonstration", async () => {
  const text = await sitesFound(await folder(), { count: 0, demo: "off" });
  expect(text).toMatch(/which is empty/);
  expect(text).toMatch(/no site accounted/);
});

test("a folder without site files among its files says how many it holds", async () => {
  const path = await folder();
  await writeFile(join(path, "hall.yaml.txt"), "");
  expect(await sitesFound(path, { count: 1, demo: "on" })).toMatch(
    /holds 1 file but none that ends in \.yaml or \.yml/,
  );
});

test("sites that are in order are counted with their folder, the demonstration apart", async () => {
  const path = await folder();
  expect(await sitesFound(path, { count: 2, demo: "off" })).toBe(`settings and 2 sites of ${path} are in order`);
  expect(await sitesFound(path, { count: 2, demo: "on" })).toBe(
    `settings and 1 site of ${path} are in order, the demonstration beside`,
  );
});
