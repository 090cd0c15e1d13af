import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { draftSite, formatSite } from "./draft.ts";
import { loadSites } from "./load.ts";
import { parseSite } from "./site.ts";

const here = import.meta.dirname;
const good = await readFile(join(here, "site.good.yaml"), "utf8");
const cases = join(here, "cases", "site");
const badFiles = (await readdir(cases)).filter((name) => name.endsWith(".bad.yaml"));

const parsed = (text: string) => {
  const result = parseSite(text, "site.yaml");
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.site;
};
const node = (id: string) => parsed(good).nodes.find((candidate) => candidate.id === id);

describe("a site file", () => {
  test("that shows every key is read without faults", () => {
    const site = parsed(good);
    expect(site).toMatchObject({ id: "jinan-1", timeZone: "Asia/Shanghai", busRatingW: 2_000_000, pueCategory: 2 });
    expect(site.nodes).toHaveLength(13);
    expect(site.demand).toEqual({
      contractW: 1_800_000,
      windowMin: 15,
      method: "sliding",
      pricePerKwMonth: 38.4,
      billing: "contract",
    });
    expect(site.carbon).toMatchObject({ residualGPerKwh: 600, defaultCarbonFreePct: 30 });
    expect(site.tariff?.bands).toHaveLength(7);
    expect(site.compute?.work[0]).toMatchObject({ unit: "sample", node: "server-7", precision: "FP8" });
  });
  test("gets its roles from the kinds of its nodes", () => {
    expect(parsed(good).nodes.map(({ role }) => role)).toEqual([
      "grid",
      "source",
      "source",
      "storage",
      "load",
      "load",
      "load",
      "load",
      "load",
      "load",
      "load",
      "storage",
      "load",
    ]);
  });
  test("says where a site is, what supplies it and what its contract allows", () => {
    expect(parsed(good)).toMatchObject({
      place: { country: "CN", hub: "京津冀枢纽" },
      contract: { importLimitW: 2_000_000, exportLimitW: 0, capacityVa: 2_500_000 },
      transformers: [{ id: "t1", ratingVa: 2_500_000, feed: "A", nodes: ["grid"] }],
    });
    expect(node("hall-a")).toMatchObject({ level: "hall", redundancy: "2N" });
  });
  test("knows at what power a current transformer is full", () => {
    expect(node("grid")?.points[0]).toMatchObject({ ctRatingW: 2_598_076, feed: "A" });
  });
  test("keeps heat out of the power balance and marks what nobody measures", () => {
    expect(node("ice")).toMatchObject({ role: "storage", counting: "detail", points: [{ power: null }] });
    expect(node("offices")?.boundary).toBe("outside");
    expect(node("edge")).toMatchObject({ origin: "estimated", points: [{ device: "edge", meterClass: 20 }] });
  });
  test("leaves out what has a sensible default", () => {
    expect(node("lights")?.points[0]).toEqual({
      code: "MP.LIGHT",
      device: "light-1",
      power: "power_w",
      sign: 1,
      energyForward: null,
      energyReverse: null,
      soc: null,
      intervalMs: 10_000,
      meterClass: 1,
      ctClass: null,
      register: { modulusWh: null, resolutionWh: 1 },
    });
    expect(node("lights")?.name).toEqual({ en: "lights", "zh-CN": "lights" });
  });
  test("counts a metered node once: what lies under it is a detail, a group without a meter is too", () => {
    expect(node("rack-101")?.counting).toBe("counted");
    expect(node("server-7")?.counting).toBe("detail");
    expect(node("hall-a")?.counting).toBe("detail");
  });
  test("keeps its revision when only comments change, and gets another when a value does", () => {
    const { revision } = parsed(good);
    expect(parsed(`# a word\n${good}`).revision).toBe(revision);
    expect(parsed(good.replace("meter_class: 0.5", "meter_class: 0.2")).revision).not.toBe(revision);
  });
  test.each(badFiles)("with faults names all of them with line and column: %s", async (name) => {
    const text = await readFile(join(cases, name), "utf8");
    const expected = text
      .split("\n")
      .filter((line) => /^# \d/.test(line))
      .map((line) => line.slice(2));
    const result = parseSite(text, name);
    expect(result.ok ? [] : result.faults.map((at) => `${at.line}:${at.column} ${at.message}`)).toEqual(expected);
  });
  test("of any text gives a value, never an exception", () => {
    for (const text of ["", "- 1", "a: &x [*x]", "? {a: 1}\n: 2", "site: !!binary x", "\t", "nodes: {a: 1}", "%YAML 9"])
      expect(parseSite(text, "x.yaml").ok).toBe(false);
  });
});

describe("a folder of site files", () => {
  const folders: string[] = [];
  const folder = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const dir = await mkdtemp(join(tmpdir(), "wattlas-sites-"));
    folders.push(dir);
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    return dir;
  };
  afterEach(async () => {
    for (const dir of folders.splice(0)) await rm(dir, { recursive: true });
  });

  test("that does not exist holds no site", async () => {
    expect(await loadSites(join(tmpdir(), "wattlas-no-such-folder"))).toEqual({ ok: true, sites: [] });
  });
  test("is read whole, other files aside", async () => {
    const other = good.replace("site: jinan-1 ", "site: jinan-2 ");
    const loaded = await loadSites(await folder({ "a.yaml": good, "b.yml": other, "notes.txt": "{" }));
    expect(loaded.ok ? loaded.sites.map(({ id }) => id) : loaded.faults).toEqual(["jinan-1", "jinan-2"]);
  });
  test("gives the faults of all files together", async () => {
    const loaded = await loadSites(await folder({ "a.yaml": "site: a", "b.yaml": "site: b" }));
    expect(new Set(loaded.ok ? [] : loaded.faults.map(({ file }) => file.slice(-6)))).toEqual(
      new Set(["a.yaml", "b.yaml"]),
    );
  });
  test("with one site in two files is a fault", async () => {
    const loaded = await loadSites(await folder({ "a.yaml": good, "b.yaml": good }));
    expect(loaded.ok ? [] : loaded.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('site "jinan-1" is already described by'),
    ]);
  });
});

describe("a site file made from devices", () => {
  const draft = (...devices: readonly (readonly [device: string, ...quantities: string[]])[]) =>
    parsed(
      formatSite(
        draftSite(
          "edge-7",
          devices.map(([device, ...quantities]) => ({ device, quantities })),
        ),
      ),
    );
  const kinds = (site: ReturnType<typeof draft>) => site.nodes.map(({ kind }) => kind);

  test("parses without faults whatever the devices are called", () => {
    const site = draft(["123", "power_w"], ["null", "power_w"], ["a.b-c_d", "energy_import_wh"], ["x", "outdoor_c"]);
    expect(site.nodes.map(({ id }) => id)).toEqual(["grid-unmetered", "123", "a.b-c_d", "null"]);
  });
  test("guesses kinds from names and quantities", () => {
    const seen = (name: string) => [name, "power_w", "energy_import_wh"] as const;
    const site = draft(
      seen("pcc"),
      seen("solar-roof"),
      ["stack-1", "power_w", "soc_pct"],
      seen("chiller-2"),
      seen("r-101"),
    );
    expect(kinds(site)).toEqual(["cooling", "grid", "it", "pv", "battery"]);
  });
  test("without anything is still a site file", () => {
    expect(kinds(draft())).toEqual(["grid"]);
  });
  test("uses both registers of a battery and of the grid", () => {
    const site = draft(
      ["bess", "power_w", "energy_import_wh", "energy_export_wh", "soc_pct"],
      ["grid-1", "energy_import_wh", "energy_export_wh"],
    );
    expect(site.nodes[0]?.points[0]).toMatchObject({
      energyForward: "energy_export_wh",
      energyReverse: "energy_import_wh",
    });
    expect(site.nodes[1]?.points[0]).toMatchObject({ power: null, energyForward: "energy_import_wh" });
  });
  test("declares work, prices and carbon that were seen", () => {
    const site = draft(
      ["gpu-1", "power_w", "work_samples"],
      ["mix", "carbon_g_per_kwh", "price_per_kwh"],
      ["q", "work_jobs"],
    );
    expect(site.compute?.work).toHaveLength(1);
    expect(site.carbon?.device).toBe("mix");
    expect(site.tariff?.device).toBe("mix");
  });
});
