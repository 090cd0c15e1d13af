// npm run audit:alerts -- --rounds 50
import { openCommand } from "../command.ts";
import { temporaryFolder } from "../product.ts";
import { alertAudit } from "./alert-audit.ts";
import { machine } from "./machine.ts";

const usage = `usage: npm run audit:alerts -- [--rounds 50]
  Devices run hot and cool while the product is killed with SIGKILL at random moments. At the end every turn that is
  stored must be a transition of an alert, and every message must have arrived, repeats only under the same key.`;

const { values, refuse } = openCommand({ usage, options: { rounds: { type: "string", default: "50" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds must be a whole number above 0, got "${values.rounds}"`);
await using folder = await temporaryFolder();
const result = await alertAudit({
  folder: folder.path,
  rounds,
  killBetweenMs: [200, 3000],
  random: Math.random,
  onRound: (round, restartMs) => process.stdout.write(`round ${round}: up after ${restartMs} ms\n`),
});
const passed = result.forgotten + result.invented + result.toldTwice + result.undelivered === 0;
process.stdout.write(
  `${passed ? "✓" : "✗"} ${result.turns} turns over ${rounds} kills: ${result.forgotten} forgotten, ${result.invented} invented; ` +
    `${result.received} messages, ${result.repeated} repeated under their key, ${result.toldTwice} told twice, ${result.undelivered} undelivered\n` +
    `${JSON.stringify({ audit: "alerts", machine: machine(), passed, ...result })}\n`,
);
process.exitCode = passed ? 0 : 1;
