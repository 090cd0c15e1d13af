import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Threads and processes of tests do not strip types anew, each with WebAssembly of its own: see deploy/compile-cache.ts.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/wattlas/compiled", import.meta.url));

// A slow machine that does several things at once is still right: these limits only end what hangs.
const patient = { testTimeout: 240_000, hookTimeout: 240_000, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          setupFiles: ["deploy/seed.ts"],
          include: [
            "{broker,collector,store,energy,rules,deploy}/**/*.test.ts",
            "dashboard/{server,web/src}/**/*.test.ts",
          ],
          ...patient,
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
          ...patient,
          // One browser and one product at a time: two cores are soon busy.
          fileParallelism: false,
        },
      },
    ],
  },
});
