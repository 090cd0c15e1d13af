// npm run capsule:replay -- alert.json
import { readFile } from "node:fs/promises";
import { alertHash, replayCapsule } from "#rules";
import { openCommand } from "./command.ts";

const usage = `usage: npm run capsule:replay -- <file.json>
  Judges the alert of a capsule again with the rules and readings in it.
Exit 0: the same transitions, 1: others, 2: no capsule.`;

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
};
const isCapsule = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "format" in value &&
  String(value.format).startsWith("wattlas-capsule");

const main = async (file: string): Promise<number> => {
  const text = await readFile(file, "utf8");
  const value = jsonOf(text);
  if (!isCapsule(value)) {
    process.stderr.write(
      `capsule: ${file} is no capsule: GET /api/v1/alerts/<id>/capsule gives one, this begins ${JSON.stringify(text.slice(0, 80))}\n`,
    );
    return 2;
  }
  const replay = replayCapsule(value, alertHash);
  if (!replay.ok) {
    process.stderr.write(`capsule: ${replay.reason}\n`);
    return 2;
  }
  const { equal, recorded, replayed, firstDifference, otherInputs } = replay;
  if (equal) {
    process.stdout.write(`equal: ${recorded.map(({ state }) => state).join(" → ")}\n`);
    if (otherInputs.length > 0)
      process.stdout.write(`these inputs remember more than the capsule holds: ${otherInputs.join(", ")}\n`);
    return 0;
  }
  const at = firstDifference ?? 0;
  const shown = (one: unknown): string => (one === undefined ? "nothing" : JSON.stringify(one));
  process.stdout.write(
    `different at transition ${at + 1}\n  recorded ${shown(recorded[at])}\n  replayed ${shown(replayed[at])}\n`,
  );
  if ((value as { readonly whole?: boolean }).whole === false)
    process.stdout.write("the capsule says that it is not whole: its rule looks farther than the file reaches\n");
  return 1;
};

const [file = ""] = openCommand({ usage, options: {}, files: ["<file.json>"] }).positionals;
process.exitCode = await main(file).catch((error: unknown) => {
  process.stderr.write(`capsule: ${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
