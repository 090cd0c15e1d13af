import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProduct } from "./product.ts";

// Where a process cannot begin anew each thread compiles what it needs, as it comes.
test.runIf(process.platform === "linux")(
  "a first start compiles the product before its threads do, the next one does not, and one of other files does again",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "wattlas-compiled-"));
    try {
      const cache = join(folder, "compiled");
      const stamp = join(cache, "compiled-from");
      const start = () => runProduct(join(folder, "data"), { NODE_COMPILE_CACHE: cache }, ["--check"]);
      expect((await start()).code).toBe(0);
      const first = await readFile(stamp, "utf8");
      expect(await readdir(cache)).toHaveLength(2);
      await writeFile(stamp, "other files");
      expect((await start()).code).toBe(0);
      expect(await readFile(stamp, "utf8")).toBe(first);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);

test.runIf(process.platform === "linux")(
  "a folder that cannot be written keeps nothing, and the product starts",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "wattlas-compiled-"));
    try {
      await writeFile(join(folder, "file"), "");
      const cache = join(folder, "file", "compiled");
      expect((await runProduct(join(folder, "data"), { NODE_COMPILE_CACHE: cache }, ["--check"])).code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);
