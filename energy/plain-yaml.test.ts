import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { readPlain, readYaml } from "./fields.ts";
import { type Plain, readPlainYaml } from "./plain-yaml.ts";
import { readSite } from "./site.ts";

const plainly = (plain: Plain): unknown => {
  if (plain instanceof Map) return new Map([...plain].map(([key, value]) => [key, plainly(value)]));
  return Array.isArray(plain) ? plain.map(plainly) : plain;
};
const whole = (text: string): unknown => {
  const document = parseDocument(text, { prettyErrors: false });
  return document.errors.length > 0 ? "faulty" : document.toJS({ mapAsMap: true });
};
const quick = (text: string): unknown => {
  const plain = readPlainYaml(text);
  return plain === undefined ? "left" : plainly(plain);
};
const reads = (text: string) => {
  const found = quick(text);
  expect(found).not.toBe("left");
  expect(found).toEqual(whole(text));
};
const leaves = (text: string) => expect(quick(text)).toBe("left");

const folders = [
  import.meta.dirname,
  join(import.meta.dirname, "cases", "site"),
  join(import.meta.dirname, "../deploy/replay"),
];
const siteFiles = (
  await Promise.all(
    folders.map(async (folder) =>
      Promise.all(
        (
          await readdir(folder)
        )
          .filter((name) => name.endsWith(".yaml"))
          .map(async (name) => ({ name, text: await readFile(join(folder, name), "utf8") })),
      ),
    ),
  )
).flat();

describe("the quick reader", () => {
  test("reads block and flow collections as the whole parser does", () => {
    reads('a: 1\nb: { c: [1, -2.5, 1e3], d: x y }\ne:\n  - f: g\n    h: "i: j"\n  - k\n  - [l, m] # n\no:\n- p: 1\n');
  });
  test("reads scalars as the whole parser does", () => {
    reads(
      "a: true\nb: Null\nc: ~\nd: '12'\ne: 12:30\nf: 1_000\ng: 010\nh: +4\ni: 2026-01-01\nj: http://x/y#z\nk: yes\nl: -0.5\n",
    );
  });
  test("reads comments and blank lines as the whole parser does", () => {
    reads("# a\n\nb: 1 # c\n  # d\n\ne:\n\n  # f\n  g: 模拟 h\n# i");
  });
  test("leaves anchors, tags, directives and documents to the whole parser", () => {
    leaves("a: &b 1\nc: *b\n");
    leaves("a: !!str 1\n");
    leaves("---\na: 1\n");
    leaves("a: 1\n...\n");
    leaves("a: 1\n---\nb: 1\n");
  });
  test("leaves texts of several lines and escapes to the whole parser", () => {
    leaves("a: |\n  b\n");
    leaves("a: b\n  c\n");
    leaves('a: "b\n  c"\n');
    leaves('a: "b\\n"\n');
    leaves("a: { b: 1,\n  c: 2 }\n");
  });
  test("leaves what is not YAML to the whole parser", () => {
    leaves("a: 1\na: 2\n");
    leaves("a: { b: 1, b: 2 }\n");
    leaves("a: [1, 2\n");
    leaves("a: b: c\n");
    leaves("a: 1\n  b: 2\n");
    leaves("a:\n    b: 1\n  c: 2\n");
    leaves("a: {b: 1}}\n");
    leaves("\ta: 1\n");
    leaves("- a\n");
    leaves("");
  });

  test("gives what the whole parser gives or leaves the text, whatever the text", () => {
    const bits = [
      "a",
      "bc",
      "site",
      ": ",
      ":",
      "\n",
      "\n  ",
      "\n    ",
      "- ",
      "-",
      "{",
      "}",
      "[",
      "]",
      ", ",
      ",",
      "#",
      " #",
    ];
    const more = [
      '"',
      "'",
      "1",
      "0x1",
      ".5",
      "1.",
      "e3",
      "~",
      "null",
      "true",
      "x y",
      " ",
      "&",
      "|",
      ">",
      "%",
      "?",
      "? ",
      "<<",
    ];
    const text = fc.array(fc.constantFrom(...bits, ...more), { maxLength: 24 }).map((parts) => `a: ${parts.join("")}`);
    fc.assert(
      fc.property(text, (written) => {
        const found = quick(written);
        if (found !== "left") expect(found).toEqual(whole(written));
      }),
      { numRuns: 5000 },
    );
  });
  test("reads any nest of mappings and lists that is written plainly", () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9_-]{0,5}$/).filter((name) => !["null", "true", "false"].includes(name));
    const scalar = fc.oneof(
      fc.integer({ min: -1e6, max: 1e6 }).map(String),
      key,
      fc.constantFrom("1.5", "MP.IT-1", '"x, y"'),
    );
    const flow: fc.Arbitrary<string> = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, scalar, tie("list"), tie("map")),
      list: fc.array(tie("any"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
      map: fc
        .uniqueArray(fc.tuple(key, tie("any")), { maxLength: 3, selector: ([name]) => name })
        .map((pairs) => `{ ${pairs.map(([name, value]) => `${name}: ${String(value)}`).join(", ")} }`),
    })).any as fc.Arbitrary<string>;
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
        fc.array(flow, { minLength: 4, maxLength: 4 }),
        (keys, values) => {
          reads(
            keys.map((name, index) => `${name}:\n  - ${values[index] ?? "x"}\n  - q: ${values[0] ?? "x"}\n`).join(""),
          );
        },
      ),
    );
  });

  test("finds a fault in a site file exactly when the whole parser does, and the same model otherwise", () => {
    for (const { name, text } of siteFiles) {
      const plain = readPlainYaml(text);
      if (plain === undefined) continue;
      const sooner = readSite(readPlain(plain, name));
      const later = readSite(readYaml(text, name));
      expect(sooner.ok).toBe(later.ok);
      if (later.ok) expect(sooner).toEqual(later);
      else if (!sooner.ok)
        expect(sooner.faults.map(({ message }) => message).sort()).toEqual(
          later.faults.map(({ message }) => message).sort(),
        );
    }
    const quickly = siteFiles.filter(({ text }) => readPlainYaml(text) !== undefined);
    expect(quickly.length).toBeGreaterThan(2);
  });
});
