import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadMappings } from "./mappings.ts";

const folderWith = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-mappings-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
};

test("your mappings are asked before the shipped ones", async () => {
  const folder = await folderWith({
    "mine.yaml": 'topic: a/{b}\ndevice: "{b}"\nkeep_unknown: yes\n',
    "notes.txt": "x",
  });
  const { mappings, faults } = await loadMappings(folder);
  expect(faults).toEqual([]);
  expect(mappings.map((mapping) => mapping.file)).toEqual([join(folder, "mine.yaml"), "mappings/telegraf.yaml"]);
});

test("the faults of all files are reported together", async () => {
  const folder = await folderWith({ "a.yaml": "topic: a//b\n", "b.yml": "- x\n" });
  const { faults } = await loadMappings(folder);
  expect(new Set(faults.map((fault) => fault.file))).toEqual(new Set([join(folder, "a.yaml"), join(folder, "b.yml")]));
});

test("a folder that is not there is a fault that names the setting", async () => {
  const { mappings, faults } = await loadMappings("/nowhere/mappings");
  expect(mappings.length).toBe(1);
  expect(faults).toEqual([
    { file: "/nowhere/mappings", line: 1, column: 1, message: "COLLECTOR_MAPPINGS_DIR cannot be read: ENOENT" },
  ]);
});
