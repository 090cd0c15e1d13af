// npm run audit:faults -- --only store,disk
import { openCommand } from "../command.ts";
import type { Fault, Verdict } from "./fault.ts";
import { faults } from "./fault-list.ts";
import { machine } from "./machine.ts";

const usage = `usage: npm run audit:faults -- [--only store,disk] [--short]
  Hurts a running product in one way after the other and prints what became of it; one JSON line at the end.
Exit 0: all went well, 1: something acknowledged was lost, a client noticed another's fault, or the product did not come
back by itself, 2: not used so.`;

const { values, refuse } = openCommand({
  usage,
  options: { only: { type: "string" }, short: { type: "boolean", default: false } },
});
const words = values.only?.split(",") ?? [];
const chosen = faults.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) refuse(`--only must name words of ${faults.map(({ name }) => name).join(", ")}`);

const attempt = async ({ run }: Fault): Promise<Verdict> => {
  try {
    return await run(values.short);
  } catch (error) {
    return { outcome: "failed", figures: { why: error instanceof Error ? error.message : String(error) } };
  }
};
const sign = { passed: "✓", failed: "✗", skipped: "–" } as const;
const verdicts: (Verdict & { readonly name: string })[] = [];
for (const fault of chosen) {
  const verdict = await attempt(fault);
  verdicts.push({ name: fault.name, ...verdict });
  const figures = Object.entries(verdict.figures).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`${sign[verdict.outcome]} ${fault.name}: ${figures.join(", ")}\n`);
}
const passed = verdicts.every(({ outcome }) => outcome !== "failed");
process.stdout.write(`${JSON.stringify({ audit: "faults", machine: machine(), passed, verdicts })}\n`);
process.exitCode = passed ? 0 : 1;
