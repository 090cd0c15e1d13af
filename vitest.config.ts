import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          include: [
            "{broker,collector,store,energy,rules,deploy}/**/*.test.ts",
            "dashboard/{server,web/src}/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Where the processor has protection keys, V8 now and then aborts when threads end ("jit_page.has_value()"),
          // and these tests end thousands.
          execArgv: ["--no-memory-protection-keys"],
        },
      },
      "dashboard/web/vitest.config.ts",
      {
        test: {
          name: "e2e",
          environment: "node",
          include: ["dashboard/e2e/**/*.e2e.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One browser and one product at a time: two cores are soon busy.
          fileParallelism: false,
        },
      },
    ],
  },
});
