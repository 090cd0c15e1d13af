import { describe, expect, test } from "vitest";
import { parseSite } from "./site.ts";

const head = `site: hall
time_zone: Asia/Shanghai
currency: CNY
bus_rating_w: 4000000
nodes:
  - { id: grid, kind: grid, points: [{ code: MP.PCC, device: grid-1, energy_forward: energy_import_wh }] }
`;
const parsed = (nodes: string) => {
  const result = parseSite(`${head}${nodes}`, "hall.yaml");
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.site;
};
const faults = (nodes: string) => {
  const result = parseSite(`${head}${nodes}`, "hall.yaml");
  return result.ok ? [] : result.faults.map(({ line, message }) => `${line}: ${message}`);
};
const rack = (id: string, more = "") =>
  `  - { id: r-${id}, ${more}kind: it, rating_w: 8000, name: { en: Rack ${id}, zh-CN: 机架 ${id} }, points: [` +
  `{ code: MP.PDU.OUT.${id}, device: pdu-${id}, energy_forward: energy_import_wh, interval_s: 5 }] }\n`;
const number = (index: number) => String(index + 1).padStart(3, "0");

describe("an entry that repeats", () => {
  test("is exactly the model of all of them written out, its revision too", () => {
    const written = Array.from({ length: 400 }, (_, index) => rack(number(index))).join("");
    const short = parsed(rack("*", "repeat: 001..400, "));
    expect(short).toEqual(parsed(written));
    expect(short.nodes).toHaveLength(401);
    expect(short.nodes.at(-1)?.points[0]?.device).toBe("pdu-400");
  });
  test("counts without zeros in front when its range has none", () => {
    expect(parsed(rack("*", "repeat: 8..11, ")).nodes.map(({ id }) => id)).toEqual([
      "grid",
      "r-8",
      "r-9",
      "r-10",
      "r-11",
    ]);
  });
  test("takes a list of words instead of a range", () => {
    expect(parsed(rack("*", "repeat: [a1, b7], "))).toEqual(parsed(rack("a1") + rack("b7")));
  });
  test("puts each under the parent of its own number", () => {
    const rows = "  - { id: row-*, repeat: 1..2, kind: it, points: [] }\n";
    const site = parsed(
      `${rows}  - { id: pdu-*, repeat: 1..2, kind: it, parent: row-*, points: [{ code: MP.PDU, device: pdu-* }] }\n`,
    );
    expect(site.nodes.map(({ id, parent }) => [id, parent])).toEqual([
      ["grid", null],
      ["row-1", null],
      ["row-2", null],
      ["pdu-1", "row-1"],
      ["pdu-2", "row-2"],
    ]);
  });
  test("says a fault once, at its place", () => {
    expect(faults(rack("*", "repeat: 001..400, ").replace("rating_w: 8000", "rating_w: -1"))).toEqual([
      "7: nodes[1].rating_w: must be a number above 0, got -1",
    ]);
    expect(faults(rack("*", "repeat: 400..1, "))).toEqual([
      '7: nodes[1].repeat: must be a range such as 001..400 of at most 10000, or a list of words, got "400..1"',
    ]);
    expect(faults(rack("*", "repeat: 1..1000000, "))).toHaveLength(1);
  });
  test("wants a star where the number goes", () => {
    expect(faults(rack("x", "repeat: 1..3, "))[0]).toMatch(/^7: .*ids are unique/);
    expect(faults(rack("*"))[0]).toMatch(/^7: nodes\[1\].id: must be 1 to 64 letters/);
  });
});
