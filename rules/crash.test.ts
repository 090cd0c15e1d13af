import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { openStore, storeSchema } from "#store";
import type { Alert } from "./alert.ts";
import { readAlert } from "./record.ts";

const story = `${"h".repeat(6)}${"l".repeat(12)}${"u".repeat(3)}`.repeat(4);
// Eight processes one after the other, on a machine that may be busy.
const patienceMs = 120_000;
const fixture = join(import.meta.dirname, "crash.fixture.ts");

/** Runs until the story is told, or until that many lines were said; then it is killed without a word. */
const run = async (
  dataDir: string,
  killAfter: number,
): Promise<{ readonly said: Alert[]; readonly isDone: boolean }> => {
  const child = spawn(process.execPath, [fixture, dataDir, story], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const said: Alert[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== "") said.push(JSON.parse(line) as Alert);
    if (said.length === killAfter) child.kill("SIGKILL");
  }
  const [code] = (await exit) as [number | null];
  return { said, isDone: code === 0 };
};
const brief = ({ id, state, severity, occurrences, changed }: Alert) =>
  `${id} ${state} ${severity} ${occurrences} ${changed.site}`;
const recorded = async (dataDir: string): Promise<readonly string[]> => {
  await using store = await openStore(storeSchema.parse({ DATA_DIR: dataDir }), {
    role: "writer",
    onError: (error) => {
      throw error;
    },
  });
  const { rows } = await store.ledger.follow({ cursor: null, kinds: ["alert"], limit: 10_000, waitMs: 0 });
  return rows.flatMap((row) => readAlert(row) ?? []).map(brief);
};
const scratch = () => {
  const dir = mkdtempSync(join(tmpdir(), "wattlas-rules-crash-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
};

test(
  "kills at any moment forget no transition, repeat none in the record, and leave none untold",
  async () => {
    const calm = scratch();
    await run(calm, Number.POSITIVE_INFINITY);
    const expected = await recorded(calm);
    expect(expected.length).toBeGreaterThan(10);

    const rough = scratch();
    const told = new Set<string>();
    let kills = 0;
    for (let isDone = false; !isDone; ) {
      const round = await run(rough, kills < 6 ? 1 + (kills % 3) : Number.POSITIVE_INFINITY);
      for (const alert of round.said) told.add(brief(alert));
      if (!round.isDone) kills++;
      isDone = round.isDone;
    }
    expect(kills).toBeGreaterThan(2);
    expect(await recorded(rough)).toEqual(expected);
    expect(expected.filter((transition) => !told.has(transition))).toEqual([]);
  },
  patienceMs,
);
