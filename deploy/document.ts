// npm run document
import { readFileSync, writeFileSync } from "node:fs";
import { openCommand } from "./command.ts";
import { generated } from "./generated.ts";

const usage = `usage: npm run document -- [--check]
  Writes what is generated: settings.env and the tables of both READMEs. --check only compares.`;

const { values } = openCommand({ usage, options: { check: { type: "boolean", default: false } } });
const mode = values.check ? "check" : "write";
let stale = 0;
for (const { path, render } of generated) {
  const url = new URL(`../${path}`, import.meta.url);
  let current = "";
  try {
    current = readFileSync(url, "utf8");
  } catch {
    // written below
  }
  const wanted = render(current);
  if (wanted === current) continue;
  stale++;
  if (mode === "write") writeFileSync(url, wanted);
  process.stdout.write(`${mode === "write" ? "wrote" : "stale:"} ${path}\n`);
}
process.exitCode = mode === "check" && stale > 0 ? 1 : 0;
