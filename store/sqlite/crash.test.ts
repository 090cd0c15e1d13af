import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { timestamp } from "../unit.ts";
import { numbered, openIn, scratchFolder } from "./scratch.ts";

// Starts a process that writes, kills it after it acknowledged some `lines`, and gives the numbers it acknowledged.
const killAfter = async (folder: string, lines: number): Promise<number[]> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./number.fixture.ts", import.meta.url)), folder, "0"]);
  let text = "";
  let seen = 0;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    text += chunk;
    seen += chunk.split("\n").length - 1;
    if (seen >= lines) child.kill("SIGKILL");
  });
  await once(child, "close");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .trimEnd()
    .split("\n")
    .map(Number);
};

test("every acknowledged reading is there once after kill -9, round after round", async () => {
  await using folder = await scratchFolder();
  for (let round = 0; round < 3; round++) {
    const acknowledged = await killAfter(folder.path, 20 + Math.floor(Math.random() * 400));
    expect(acknowledged.length).toBeGreaterThan(0);
    await using readings = await openIn(folder.path, { runRows: 50, hourAfterMs: -1e15 });
    const found = new Map<number, number>();
    const all = { site: "demo", from: timestamp(0), to: timestamp(9e12), limit: 10_000 };
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await readings.read(cursor === undefined ? all : { ...all, cursor });
      for (const item of page.items) {
        const number = item.quantities.power_w ?? Number.NaN;
        expect(item).toEqual(numbered(number));
        found.set(number, (found.get(number) ?? 0) + 1);
      }
      cursor = page.next;
    }
    expect(acknowledged.filter((number) => found.get(number) !== 1)).toEqual([]);
    expect([...found.values()].every((times) => times === 1)).toBe(true);
    const devices = await readings.devices();
    expect(devices.reduce((sum, device) => sum + device.readings, 0)).toBe(found.size);
    let rolled = 0;
    for (const { device } of devices) {
      const query = { site: "demo", device, quantity: "power_w", step: "1h" } as const;
      const hours = await readings.series({ ...query, from: timestamp(0), to: timestamp(9e12) });
      if (hours.step !== "raw") rolled += hours.count.reduce((sum, count) => sum + count, 0);
    }
    expect(rolled).toBe(found.size);
  }
});
