import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startProduct, temporaryFolder } from "./product.ts";
import { readingsOf } from "./publisher.ts";

const run = (args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(import.meta.dirname, "import-file.ts"), ...args],
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });

const map = `site: demo
device: utility-1
quantity: energy_import_wh
kind: interval_energy
value_column: kWh
unit: kWh
time_column: time
time_format: YYYY-MM-DD HH:mm
zone: Asia/Shanghai
label: end
`;

test("a file of meter data goes in by the front door, twice without harm, refused row by row", async () => {
  await using folder = await temporaryFolder();
  const [file, declared] = [join(folder.path, "meter.csv"), join(folder.path, "meter.yaml")];
  await writeFile(file, "time,kWh\n2026-11-02 00:15,3\n2026-11-02 00:30,many\n2026-11-02 00:30,1.5\n");
  await writeFile(declared, map);
  await using product = await startProduct(folder.path);
  const args = ["--file", file, "--map", declared, "--url", product.mqttUrl, "--api", product.url];
  for (let round = 0; round < 2; round++) {
    const { code, output } = await run(args);
    expect(output).toContain(`${file}:3: IMPORT_VALUE_NOT_NUMBER "many" is not a number`);
    expect(output).toContain("3 rows, 1 refused, 3 readings are acknowledged");
    expect(output).toContain("utility-1: energy_import_wh ends at 4500");
    expect(code).toBe(1);
  }
  const stored = await readingsOf(product, "demo", "utility-1");
  expect(stored.map(({ quantities }) => quantities.energy_import_wh)).toEqual([0, 3000, 4500]);
  // The next file needs nobody to say where the register stands; one after a gap leaves a gap.
  await writeFile(file, "time,kWh\n2026-11-02 00:45,2\n");
  const next = await run(args);
  expect(next.output).toContain("utility-1: goes on from 4500 of 2026-11-01T16:30:00.000Z");
  expect(next.output).toContain("utility-1: energy_import_wh ends at 6500");
  await writeFile(file, "time,kWh\n2026-11-02 02:00,1\n");
  expect((await run(args)).output).toContain("energy_import_wh ends at 100000007500");
  await writeFile(declared, `${map}register_start: 7000\n`);
  expect((await run([...args, "--dry-run"])).output).toContain("energy_import_wh ends at 8000");
  await writeFile(declared, map);
  expect(await run([...args.slice(0, -1), "http://127.0.0.1:9"])).toMatchObject({
    code: 2,
    output: expect.stringContaining("where the register stands cannot be asked"),
  });
  expect(await run([...args.slice(0, -1), "http://127.0.0.1:9", "--dry-run"])).toMatchObject({
    code: 0,
    output: expect.stringContaining("begins at 0"),
  });
  await writeFile(declared, map.replace("kWh\nunit", "MWh\nunit"));
  expect(await run(args)).toMatchObject({ code: 2, output: expect.stringContaining('no column "MWh"') });
  await writeFile(declared, map.replace("label: end", "label: middle"));
  expect(await run(args)).toMatchObject({ code: 2, output: expect.stringContaining("label") });
  expect(await run([])).toMatchObject({ code: 2 });
  await product.end("SIGTERM");
});
