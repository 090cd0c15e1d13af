// npm run audit:crash -- --rounds 100
import { influxdIsThere } from "../../store/influx/influxd.ts";
import { openCommand } from "../command.ts";
import { temporaryFolder } from "../product.ts";
import { crashAudit } from "./crash-audit.ts";
import { startInfluxHarm } from "./crash-influx.ts";
import { machine } from "./machine.ts";

const usage = `usage: npm run audit:crash -- [--rounds 20] [--store sqlite|influx] [--rate 2000]
  Publishes numbered readings, kills the product with SIGKILL at a random moment, starts it again and reads everything
  back over HTTP. With InfluxDB as the store its server is killed in some of the rounds too, before or while the product is.
  One line a round, one JSON line at the end.
Exit 0: nothing is lost, 1: an acknowledged number is missing or there twice, 2: not used so.`;

const { values, refuse } = openCommand({
  usage,
  options: {
    rounds: { type: "string", default: "20" },
    store: { type: "string", default: "sqlite" },
    rate: { type: "string", default: "2000" },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds must be a whole number above 0, got "${values.rounds}"`);
if (!["sqlite", "influx"].includes(values.store)) refuse(`--store must be sqlite or influx, got "${values.store}"`);
if (!(Number(values.rate) > 0)) refuse(`--rate must be a number above 0, got "${values.rate}"`);

await using stack = new AsyncDisposableStack();
const folder = stack.use(await temporaryFolder());
const settings: Record<string, string> = {};
if (values.store === "influx" && !influxdIsThere()) process.exit(1);
const influx = values.store === "influx" ? stack.use(await startInfluxHarm(Math.random)) : null;
if (influx !== null) settings.STORE_URL = influx.url;
const result = await crashAudit({
  folder: folder.path,
  rounds,
  rate: Number(values.rate),
  killBetweenMs: [200, 5000],
  random: Math.random,
  settings,
  ...(influx === null ? {} : { harm: influx.harm, settle: influx.settle }),
  onRound: (round) =>
    process.stdout.write(
      `round ${round.round}: killed after ${round.killedAfterMs} ms, ${round.sent} sent, ${round.acknowledged} acknowledged, ` +
        `${round.lost} lost, ${round.duplicates} twice, ${round.storedUnacknowledged} stored unacknowledged, up again in ${round.restartMs} ms\n`,
    ),
});
const passed = result.lost + result.duplicates + result.invented + result.miscounted === 0;
process.stdout.write(
  `${passed ? "✓" : "✗"} ${result.acknowledged} acknowledged readings over ${rounds} kills${
    influx === null ? "" : `, and ${influx.kills()} of InfluxDB`
  }: ${result.lost} lost, ${result.duplicates} twice\n` +
    `${JSON.stringify({ audit: "crash", store: values.store, machine: machine(), passed, influxdKills: influx?.kills() ?? null, ...result })}\n`,
);
process.exitCode = passed ? 0 : 1;
