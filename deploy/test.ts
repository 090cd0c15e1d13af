// Everything that is checked, one after the other, with one closing line for people and machines.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const only = process.argv[2] ?? "all";
const bin = join(root, "node_modules", ".bin");
const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` };

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Below the project's folder. */
  readonly within?: string;
}

const run = (command: string, args: readonly string[], within = "."): boolean =>
  spawnSync(command, args, { cwd: join(root, within), env, stdio: "inherit", shell: process.platform === "win32" })
    .status === 0;

const stages = ["broker", "collector", "store", "energy", "rules", "dashboard", "deploy"];
const web = "dashboard/web";
const checks: readonly Check[] = [
  { name: "format and lint", command: "biome", args: ["check", "--error-on-warnings", "."] },
  { name: "types", command: "tsc", args: ["-p", "."] },
  { name: "svelte kit", command: "svelte-kit", args: ["sync"], within: web },
  {
    name: "svelte",
    command: "svelte-check",
    args: ["--tsconfig", "./tsconfig.json", "--fail-on-warnings"],
    within: web,
  },
  { name: "svelte format", command: "prettier", args: ["--check", "--log-level", "warn", `${web}/src/**/*.svelte`] },
  { name: "import direction", command: "depcruise", args: ["--config", "deploy/layers.cjs", ...stages] },
  { name: "dead code", command: "knip", args: [] },
  { name: "browser weight", command: "node", args: [`${web}/size.ts`] },
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function runChecks(counts: Counts): void {
  for (const { name, command, args, within } of checks) {
    const started = performance.now();
    const passed = run(command, args, within);
    counts[passed ? "passed" : "failed"]++;
    process.stdout.write(`${passed ? "✓" : "✗"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  }
}

interface Report {
  readonly numPassedTests?: number;
  readonly numFailedTests?: number;
  readonly numPendingTests?: number;
  readonly numTodoTests?: number;
  readonly testResults?: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const vitest = (args: readonly string[]): { readonly passed: boolean; readonly report: Report | null } => {
  const folder = mkdtempSync(join(tmpdir(), "wattlas-test-"));
  const file = join(folder, "vitest.json");
  const passed = run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...args]);
  try {
    return { passed, report: JSON.parse(readFileSync(file, "utf8")) as Report };
  } catch {
    return { passed, report: null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Files whose process died under them, which is no failed test: Node 24 sometimes crashes where worker threads end. */
const diedIn = ({ numFailedTests = 0, testResults = [] }: Report): readonly string[] =>
  numFailedTests > 0
    ? []
    : testResults
        .filter(({ assertionResults }) => assertionResults.some(({ status }) => status === "pending"))
        .map(({ name }) => name);

function runTests(counts: Counts, args: readonly string[], attempt: "first" | "second" = "first"): void {
  const { passed, report } = vitest(args);
  counts.passed += report?.numPassedTests ?? 0;
  counts.skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  if (passed) return;
  const died = report === null ? [] : diedIn(report);
  if (attempt === "first" && died.length > 0) {
    process.stdout.write(`a test process died, its files are run once more: ${died.join(", ")}\n`);
    runTests(counts, died, "second");
    return;
  }
  // A file that does not load fails no test: it still is one failure.
  counts.failed += Math.max(1, report?.numFailedTests ?? 0);
}

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
if (only === "all" || only === "check") runChecks(counts);
if (only === "all") runTests(counts, []);
// Without real servers, killed processes and browsers.
const slow = [
  "deploy/product*.test.ts",
  "deploy/bench/**",
  "store/influx/**",
  "store/sqlite/**",
  "**/subscribe.test.ts",
  "**/crash.test.ts",
];
if (only === "quick") runTests(counts, ["--project", "node", ...slow.flatMap((files) => ["--exclude", files])]);

// On a machine that must run everything, a test that did not run is not a pass.
if (process.env.CI === "true" && counts.skipped > 0) {
  process.stdout.write(`${counts.skipped} skipped, which counts as failed under CI=true\n`);
  counts.failed += counts.skipped;
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;
