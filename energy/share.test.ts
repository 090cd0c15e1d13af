import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createNodePool } from "./share.ts";
import { parseSite } from "./site.ts";

const text = await readFile(join(import.meta.dirname, "site.good.yaml"), "utf8");
const parsed = (written: string) => {
  const result = parseSite(written, "site.yaml");
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.site;
};

test("sites that describe a node alike hold one object of it, and the same model as before", () => {
  const share = createNodePool();
  const one = share(parsed(text));
  const two = share(parsed(text.replace("site: jinan-1", "site: jinan-2")));
  expect(two).toEqual({ ...parsed(text), id: "jinan-2", name: two.name, revision: two.revision });
  expect(two.nodes).toBe(one.nodes);
});

test("a node that differs in anything is an object of its own", () => {
  const share = createNodePool();
  const one = share(parsed(text));
  const changed = { ...one, id: "other", nodes: one.nodes.map((node) => ({ ...node, ratingW: 12_345 })) };
  const two = share(changed);
  expect(two).toEqual(changed);
  expect(two.nodes.some((node, index) => node === one.nodes[index])).toBe(false);
});
