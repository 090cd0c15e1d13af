import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readCommand } from "./command.ts";

const root = join(import.meta.dirname, "..");
const call = {
  usage: "usage: npm run weigh -- <list> --site <id> [--hours <n>]\n  Weighs.",
  options: { site: { type: "string" }, hours: { type: "string", default: "24" } },
  needs: ["site"],
  files: ["<list>"],
} as const;
const how = "usage: npm run weigh -- <list> --site <id> [--hours <n>]";
const faultOf = (...argv: readonly string[]): string => {
  const read = readCommand(call, argv);
  return read.ok ? "none" : read.reason;
};

describe("a command line", () => {
  test("gives its values, defaults included", () => {
    const read = readCommand(call, ["a.csv", "--site", "demo"]);
    expect(read.ok && { ...read.values }).toEqual({ site: "demo", hours: "24" });
    expect(read.ok && read.positionals).toEqual(["a.csv"]);
  });
  test("with an unknown option says which, and how the command is used", () => {
    expect(faultOf("a.csv", "--sight", "demo")).toBe(`unknown option '--sight'; ${how}`);
  });
  test("without an option that is needed says which", () => {
    expect(faultOf("a.csv")).toBe(`--site is missing; ${how}`);
  });
  test("with an option that lacks its value says which", () => {
    expect(faultOf("a.csv", "--site")).toBe(`option '--site <value>' argument missing; ${how}`);
    expect(faultOf("a.csv", "--site", "--hours")).toBe(`option '--site' argument is ambiguous; ${how}`);
  });
  test("without its file, or with one too many, says so", () => {
    expect(faultOf("--site", "demo")).toBe(`<list> is missing; ${how}`);
    expect(faultOf("a.csv", "b.csv", "--site", "demo")).toBe(`unexpected argument "b.csv"; ${how}`);
  });
});

/** Every program of ours that takes options. */
const tools = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /^(deploy|store|collector|energy|rules|broker)\/.*[.]ts$/.test(path) && !path.endsWith(".test.ts"))
  .filter(
    (path) =>
      path !== "deploy/command.ts" && /\b(openCommand|parseArgs)\(/.test(readFileSync(join(root, path), "utf8")),
  )
  .sort();

interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}
const run = (tool: string, ...argv: readonly string[]): Promise<Said> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [join(root, tool), ...argv], (_error, out, error) =>
      resolve({ code: child.exitCode ?? -1, out, error }),
    );
  });

describe("every command-line tool", () => {
  const said = new Map<string, { readonly strange: Said; readonly help: Said }>();
  beforeAll(async () => {
    const waiting = [...tools];
    const lane = async (): Promise<void> => {
      for (let tool = waiting.pop(); tool !== undefined; tool = waiting.pop())
        said.set(tool, { strange: await run(tool, "--no-such-option"), help: await run(tool, "--help") });
    };
    await Promise.all([lane(), lane()]);
  });

  test("is tried here", () => {
    expect(tools).toEqual(
      expect.arrayContaining([
        "deploy/start.ts",
        "deploy/verify.ts",
        "deploy/bench/ingest.ts",
        "store/sqlite/day.bench.ts",
      ]),
    );
    expect(tools.length).toBeGreaterThan(18);
  });
  for (const tool of tools.filter((path) => path !== "deploy/start.ts")) {
    test(`${tool} answers an unknown option in one line, with exit code 2`, () => {
      const name = tool
        .split("/")
        .at(-1)
        ?.replace(/[.]ts$/, "");
      const { code, out, error } = said.get(tool)?.strange ?? { code: -1, out: "", error: "" };
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(error.split("\n")).toHaveLength(2);
      expect(error).toMatch(new RegExp(`^${name}: unknown option '--no-such-option'; usage: (npm run|node) `));
    });
    test(`${tool} says with --help how it is used`, () => {
      expect(said.get(tool)?.help).toMatchObject({ code: 0, out: expect.stringMatching(/^usage: /), error: "" });
    });
  }
  test("says what it lacks where nothing is given", async () => {
    const missing = async (tool: string): Promise<string> => {
      const { code, error } = await run(`deploy/${tool}.ts`);
      expect({ tool, code, lines: error.split("\n").length }).toEqual({ tool, code: 2, lines: 2 });
      return error.split(";")[0] ?? "";
    };
    expect(await missing("close-cycle")).toBe("close-cycle: --site is missing");
    expect(await missing("recompute")).toBe("recompute: --site is missing");
    expect(await missing("import-file")).toBe("import-file: --file is missing");
    expect(await missing("import-points")).toBe("import-points: --site is missing");
    expect(await missing("commissioning")).toBe("commissioning: --site is missing");
    expect(await missing("backtest")).toBe("backtest: --site is missing");
    expect(await missing("replay-capsule")).toBe("replay-capsule: <file.json> is missing");
    expect(await missing("bench/generator")).toBe("generator: --port is missing");
  });
});

test("the product answers an unknown option in one line", async () => {
  const { code, out, error } = await run("deploy/main.ts", "--no-such-option");
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(error).toMatch(/^wattlas: unknown option '--no-such-option'; usage: npm start/);
  expect(error.split("\n")).toHaveLength(2);
});
