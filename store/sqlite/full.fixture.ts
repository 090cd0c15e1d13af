import { writeSync } from "node:fs";
import { numbered, openIn } from "./scratch.ts";

// Writes until the store takes no more, then says how much it took and what it said.
const readings = await openIn(process.argv[2] ?? "");
let kept = 0;
for (;;) {
  try {
    await readings.write(Array.from({ length: 100 }, (_, row) => numbered(kept + row)));
    kept += 100;
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    writeSync(1, JSON.stringify({ kept, name, state: (await readings.health()).state }));
    break;
  }
}
await readings[Symbol.asyncDispose]();
