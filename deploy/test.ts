// Everything that is checked, one after the other, with one closing line for people and machines.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const only = process.argv[2] ?? "all";
const bin = join(root, "node_modules", ".bin");
const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` };

const run = (command: string, args: readonly string[]) =>
  spawnSync(command, args, { cwd: root, env, stdio: "inherit", shell: process.platform === "win32" }).status === 0;

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format and lint", "biome", "check", "--error-on-warnings", "."],
  ["types", "tsc", "-p", "."],
  ["svelte", "svelte-check", "--workspace", "dashboard/web", "--tsconfig", "./tsconfig.json", "--fail-on-warnings"],
  ["svelte format", "prettier", "--check", "--log-level", "warn", "dashboard/web/src/**/*.svelte"],
  [
    "import direction",
    "depcruise",
    "--config",
    "deploy/layers.cjs",
    "broker",
    "collector",
    "store",
    "energy",
    "rules",
    "dashboard",
    "deploy",
  ],
  ["dead code", "knip"],
  ["browser weight", "node", "dashboard/web/size.ts"],
];

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function runChecks(counts: Counts): void {
  for (const [name, command, ...args] of checks) {
    const started = performance.now();
    const passed = run(command, args);
    counts[passed ? "passed" : "failed"]++;
    process.stdout.write(`${passed ? "✓" : "✗"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  }
}

function runTests(counts: Counts, args: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), "wattlas-test-"));
  const file = join(folder, "vitest.json");
  const passed = run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...args]);
  try {
    const result = JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
    counts.passed += result.numPassedTests ?? 0;
    const failed = (result.numFailedTests ?? 0) + (passed ? 0 : (result.numFailedTestSuites ?? 0));
    counts.failed += passed ? 0 : Math.max(1, failed);
    counts.skipped += (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0);
  } catch {
    counts.failed++;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
if (only === "all" || only === "check") runChecks(counts);
if (only === "all") runTests(counts, []);
if (only === "quick") runTests(counts, ["--project", "node"]);

// On a machine that must run everything, a test that did not run is not a pass.
if (process.env.CI === "true" && counts.skipped > 0) {
  process.stdout.write(`${counts.skipped} skipped, which counts as failed under CI=true\n`);
  counts.failed += counts.skipped;
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;
