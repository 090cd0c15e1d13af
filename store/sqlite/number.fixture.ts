import { promisify } from "node:util";
import { numbered, openIn } from "./scratch.ts";

// Writes numbered readings and prints every acknowledged number: `node number.fixture.ts <folder> <how many, 0 for ever>`.
const [folder = "", count = "0"] = process.argv.slice(2);
const last = Number(count) || Number.MAX_SAFE_INTEGER;
const readings = await openIn(folder, { runRows: 50, hourAfterMs: -1e15 });
// Waits for a reader that is slow, where writing to the descriptor would fail.
const print = promisify((line: string, done: () => void) => process.stdout.write(line, done));

const lane = async (first: number): Promise<void> => {
  for (let number = first; number < last; number += 4) {
    await readings.write([numbered(number)]);
    await print(`${number}\n`);
  }
};
await Promise.all([0, 1, 2, 3].map(lane));
