import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Account } from "#energy";
import { type Product, startProduct, temporaryFolder } from "./product.ts";

const recompute = (dataDir: string, args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const command = [join(import.meta.dirname, "recompute.ts"), ...args];
    const env = { PATH: process.env.PATH, DATA_DIR: dataDir, ENERGY_SITES_DIR: join(dataDir, "no-sites") };
    const child = execFile(process.execPath, command, { env, maxBuffer: 1 << 26 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });

const days = async (product: Product): Promise<readonly Account[]> => {
  const answer = await fetch(`${product.url}/api/v1/accounts?site=demo&step=1d&from=0`);
  return ((await answer.json()) as { items: readonly Account[] }).items;
};

test("where nothing is accounted yet one sentence says so, and it is no success", async () => {
  await using folder = await temporaryFolder();
  const product = await startProduct(folder.path, { DEPLOY_DEMO: "off" });
  await product.end("SIGTERM");
  expect(await recompute(folder.path, ["--site", "demo", "--day", "2001-01-01"])).toEqual({
    code: 2,
    output:
      'nothing to compare: site "demo" has no account on 2001-01-01 (Asia/Shanghai); a minute is accounted seconds after its end, once there are readings\n',
  });
  const two = await recompute(folder.path, ["--site", "demo", "--day", "2001-01-01", "--days", "2"]);
  expect(two.code).toBe(2);
  expect(two.output).toMatch(
    /^demo 2001-01-01: nothing to compare\ndemo 2001-01-02: nothing to compare\nnothing to compare: /,
  );
  expect(two.output).toContain("from 2001-01-01 to 2001-01-02");
});

test("a day of the demonstration site comes out equal when it is made again from its raw readings", {
  timeout: 480_000,
}, async () => {
  await using folder = await temporaryFolder();
  await using product = await startProduct(folder.path, { DEPLOY_DEMO: "on", DEPLOY_DEMO_DAYS: "2" });
  const whole = await vi.waitFor(
    async () => {
      // Two days of history hold one whole day; in the small hours of the site the day before it is nearly whole too.
      const found = (await days(product)).findLast(({ coverage }) => coverage > 0.999);
      if (found === undefined) throw new Error("no whole day yet");
      return found;
    },
    { timeout: 360_000, interval: 500 },
  );
  // The demonstration's zone is eight hours ahead.
  const day = new Date(whole.start + 8 * 3_600_000).toISOString().slice(0, 10);
  const live = await recompute(folder.path, ["--site", "demo", "--day", day]);
  expect(live).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^demo \S+: 1440 × 1m, 96 × 15m, 24 × 1h, 1 × 1d/),
  });
  expect(live.output).toMatch(/all equal\n$/);
  await product.end("SIGTERM");
  expect(await recompute(folder.path, ["--site", "demo", "--day", day])).toMatchObject({ code: 0 });
  expect(await recompute(folder.path, ["--site", "demo", "--day", "2001-01-01"])).toMatchObject({ code: 2 });
  expect(await recompute(folder.path, ["--site", "nobody", "--day", day])).toMatchObject({ code: 2 });
  expect(await recompute(folder.path, ["--site", "demo", "--day", "tomorrow"])).toMatchObject({ code: 2 });
});
