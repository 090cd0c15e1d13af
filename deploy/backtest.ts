// npm run backtest -- --site demo --rule R16 --from 2026-11-01 --to 2026-11-08 [--file new.yaml]
// npm run backtest -- --site demo
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatLocal, loadPlans, loadSites } from "#energy";
import {
  alertHash,
  type BacktestResult,
  createBacktestDesk,
  loadCatalogue,
  loadNotifyPlan,
  type RejudgeResult,
} from "#rules";
import { openStore } from "#store";
import { openCommand } from "./command.ts";
import { demoSite } from "./replay/demo.ts";
import { loadDemoSite } from "./replay/site.ts";
import { parseSettings } from "./settings.ts";

const usage = `usage: npm run backtest -- --site <id> --rule <id[,id…]|all> --from <time> --to <time> [--file <rule.yaml>] [--tolerance <s>] [--json]
  Judges a site's history again with rules in force, or with the one in --file and compares the two.
       npm run backtest -- --site <id> [--from <time>] [--to <time>] [--out <folder>] [--json]
  Judges all of it again with all rules in force and compares every transition of every alert with the recorded one, byte
  for byte: exit code 0 when all are the same, 1 when not. --out keeps both sides as recorded.jsonl and judged.jsonl.
  Times as 2026-11-20 (UTC) or 2026-11-20T08:00:00+08:00. Reads the store that STORE_URL and DATA_DIR name; it may be in use.`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const refused = (text: string): number => {
  process.stderr.write(`backtest: ${text}\n`);
  return 2;
};

type Done = Extract<BacktestResult, { readonly ok: true }>["backtest"];
type Tried = Done["after"];

const summary = ({
  rule,
  version,
  alerts,
  minutesInAlarm,
  duringMaintenance,
  silenced,
  told,
  minutesShelved,
}: Tried): string =>
  `${rule} v${version}: ${alerts.length} alerts, ${minutesInAlarm.toFixed(1)} min in alarm, ${duringMaintenance} during maintenance, ${silenced} silenced, ${told} told, ${minutesShelved.toFixed(1)} min on the shelf`;

const told = (done: Done, timeZone: string): readonly string[] => {
  const line = (mark: string, { subject, subcode, severity, active, end }: Tried["alerts"][number]): string =>
    `${mark} ${active === null ? "" : formatLocal(active, timeZone)} ${severity} ${subject} ${subcode} ${
      end === null ? "still open" : `${(((end ?? 0) - (active ?? 0)) / 60_000).toFixed(1)} min`
    }`;
  const { before, after, others = [], difference, acknowledgedThatVanish } = done;
  const { on, off, suggested } = after.tradeOff;
  const curve = (points: typeof on): string => points.map(({ holdS, alerts }) => `${holdS} s ${alerts}`).join(", ");
  return [
    `${done.site}: ${done.readings} readings, ${done.accounts} accounts, judged from ${formatLocal(done.warmUpFrom, timeZone)} on`,
    ...(before === null ? [] : [summary(before)]),
    summary(after),
    ...others.map(summary),
    ...(difference === null
      ? after.alerts.map((one) => line(" ", one))
      : [
          `${difference.same} the same, ${difference.added.length} added, ${difference.removed.length} removed, ${difference.moved.length} moved`,
          ...difference.added.map((one) => line("+", one)),
          ...difference.removed.map((one) => line("-", one)),
          ...difference.moved.flatMap((pair) => [line("<", pair.before), line(">", pair.after)]),
        ]),
    ...acknowledgedThatVanish.map(
      ({ id, subject, acknowledged }) => `! ${acknowledged?.by} acknowledged ${id} (${subject}): it would not come up`,
    ),
    `alerts by hold on: ${curve(on)}; suggested ${suggested.onS ?? "–"} s`,
    `alerts by hold off: ${curve(off)}; suggested ${suggested.offS ?? "–"} s`,
  ];
};

const shownLines = 10;

const compared = (
  { rejudged, missing, extra }: Extract<RejudgeResult, { readonly ok: true }>,
  timeZone: string,
): readonly string[] => {
  const { site, from, to, readings, accounts, recorded, judged, equal } = rejudged;
  const side = ({ lines, alerts, sha256 }: typeof recorded): string =>
    `${lines.length} transitions of ${alerts} alerts, sha256 ${sha256}`;
  const some = (mark: string, lines: readonly string[]): readonly string[] => [
    ...lines.slice(0, shownLines).map((line) => `${mark} ${line}`),
    ...(lines.length > shownLines ? [`${mark} … ${lines.length - shownLines} more`] : []),
  ];
  return [
    `${site}: ${readings} readings, ${accounts} accounts, ${formatLocal(from, timeZone)} to ${formatLocal(to, timeZone)}`,
    `recorded ${side(recorded)}`,
    `judged   ${side(judged)}`,
    equal
      ? "the same, byte for byte"
      : `different: ${missing.length} recorded only (-), ${extra.length} judged only (+)`,
    ...some("-", missing),
    ...some("+", extra),
  ];
};

const placesOf = (
  faults: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly message: string;
  }[],
): string => faults.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join("\n");

/** null when it is left out, NaN when it is no time. */
const timeOf = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));

const main = async (): Promise<number> => {
  const { values, refuse } = openCommand({
    usage,
    needs: ["site"],
    options: {
      site: { type: "string" },
      rule: { type: "string" },
      from: { type: "string" },
      to: { type: "string" },
      file: { type: "string" },
      tolerance: { type: "string", default: "60" },
      out: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const isAll = (values.rule ?? values.file) === undefined;
  const [from, to, tolerance] = [timeOf(values.from), timeOf(values.to), Number(values.tolerance)];
  if (Number.isNaN(from)) return refuse(`--from must be a time such as 2026-11-20, got "${values.from}"`);
  if (Number.isNaN(to)) return refuse(`--to must be a time such as 2026-11-20, got "${values.to}"`);
  if (!(tolerance >= 0)) return refuse(`--tolerance must be seconds, got "${values.tolerance}"`);
  if (!isAll && (from === null || to === null)) return refuse("--rule and --file need --from and --to");
  const parsed = parseSettings(process.env);
  if (!parsed.ok) return refused(parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`).join("\n"));
  const { settings } = parsed;
  const plans = await loadPlans(settings.energy.ENERGY_TARIFFS_DIR);
  if (!plans.ok) return refused(placesOf(plans.faults));
  const loaded = await loadSites(settings.energy.ENERGY_SITES_DIR, Date.now(), undefined, plans.plans);
  if (!loaded.ok) return refused(placesOf(loaded.faults));
  const demo = values.site === demoSite || loaded.sites.length === 0 ? await loadDemoSite() : null;
  const sites = demo?.ok ? [...loaded.sites.filter(({ id }) => id !== demoSite), demo.site] : loaded.sites;
  const catalogue = await loadCatalogue(settings.rules.RULES_DIR, settings.rules.RULES_ON, settings.rules.RULES_SHADOW);
  if (!catalogue.ok) return refused(placesOf(catalogue.faults));
  const source = values.file === undefined ? undefined : await readFile(values.file, "utf8");
  const { STORE_URL, DATA_DIR } = settings.store;
  if (!STORE_URL.startsWith("memory:") && !existsSync(join(DATA_DIR, "ledger.db")))
    return refused(`DATA_DIR=${DATA_DIR} holds no ledger.db: name the folder that the product writes`);
  await using store = await openStore(settings.store, {
    role: "reader",
    onError: (error) => void refused(error instanceof Error ? error.message : String(error)),
  });
  const desk = createBacktestDesk({
    ...{ readings: store.readings, ledger: store.ledger, sites, rules: catalogue.catalogue.rules, hash: alertHash },
    maintenance: async () => {
      const notify = await loadNotifyPlan(settings.rules.RULES_NOTIFY_FILE);
      return notify.ok ? (notify.plan?.maintenance ?? []) : [];
    },
  });
  const zone = sites.find(({ id }) => id === values.site)?.timeZone ?? "UTC";
  if (isAll) {
    const result = await desk.rejudge({ site: values.site, from, to: to ?? Date.now() });
    if (!result.ok) return refused(`${result.code} ${result.reason}`);
    const { recorded, judged, equal, readings } = result.rejudged;
    if (readings === 0) return refused(`no reading of site "${values.site}" is stored in this period`);
    if (values.out !== undefined) {
      await mkdir(values.out, { recursive: true });
      for (const [name, { lines }] of Object.entries({ recorded, judged }))
        await writeFile(join(values.out, `${name}.jsonl`), lines.map((line) => `${line}\n`).join(""));
    }
    for (const line of values.json ? [JSON.stringify(result)] : compared(result, zone)) say(line);
    return equal ? 0 : 1;
  }
  const result = await desk.backtest({
    ...{ site: values.site, from: from ?? 0, to: to ?? 0, tolerance_s: tolerance },
    ...(values.rule === undefined ? {} : { rule: values.rule }),
    ...(source === undefined ? {} : { source }),
  });
  if (!result.ok) return refused(`${result.code} ${result.reason}`);
  for (const line of values.json ? [JSON.stringify(result.backtest)] : told(result.backtest, zone)) say(line);
  return 0;
};

process.exitCode = await main().catch((error: unknown) =>
  refused(error instanceof Error ? error.message : String(error)),
);
