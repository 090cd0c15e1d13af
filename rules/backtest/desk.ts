import { z } from "zod";
import type { SiteModel } from "#energy";
import { parseCommand, type Refusal, refuse } from "../command.ts";
import { linkFaults } from "../links.ts";
import type { NotifyPlan } from "../notify/plan.ts";
import { parseRule, type Rule } from "../rule.ts";
import type { RuleFault } from "../rule-places.ts";
import { type Backtest, type BacktestDeps, backtest } from "./backtest.ts";
import { linesBut, type Rejudged, rejudge } from "./rejudge.ts";

const mostMs = 400 * 86_400_000;
const commandShape = z
  .strictObject({
    site: z.string().min(1).max(64),
    rule: z.string().min(1).max(64).optional(),
    also: z.array(z.string().min(1).max(64)).max(200).default([]),
    source: z.string().min(1).max(65_536).optional(),
    before_source: z.string().min(1).max(65_536).optional(),
    from: z.number().int().min(0),
    to: z.number().int().min(0),
    tolerance_s: z.number().int().min(0).max(86_400).default(60),
  })
  .refine(({ rule, source }) => rule !== undefined || source !== undefined, {
    path: ["rule"],
    message: "the id of a rule in force, or source: a rule file",
  })
  .refine(({ from, to }) => from < to && to - from <= mostMs, {
    path: ["to"],
    message: "must be after from, by 400 days at most",
  });

const rejudgeShape = z
  .strictObject({
    site: z.string().min(1).max(64),
    from: z.number().int().min(0).nullable().default(null),
    to: z.number().int().min(0),
  })
  .refine(({ from, to }) => from === null || (from < to && to - from <= mostMs), {
    path: ["to"],
    message: "must be after from, by 400 days at most",
  });

export type BacktestCommand = z.input<typeof commandShape>;
export type RejudgeCommand = z.input<typeof rejudgeShape>;
export type RejudgeResult =
  | {
      readonly ok: true;
      readonly rejudged: Rejudged;
      /** Lines that were recorded and do not come out now. */
      readonly missing: readonly string[];
      /** Lines that come out now and were not recorded. */
      readonly extra: readonly string[];
    }
  | Refusal;
export type BacktestResult =
  | { readonly ok: true; readonly backtest: Backtest }
  | (Refusal & { readonly faults?: readonly RuleFault[] });

export interface BacktestDeskDeps extends Omit<BacktestDeps, "maintenance"> {
  readonly sites: readonly SiteModel[];
  /** Read anew for each backtest: windows change. */
  readonly maintenance: () => Promise<NotifyPlan["maintenance"]>;
}

const faulty = (faults: readonly RuleFault[]): BacktestResult => {
  const lines = faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
  return { ...refuse("RULES_FILE_INVALID", lines.join("; ")), faults };
};

/** Tries rules on history, one at a time. */
export const createBacktestDesk = (deps: BacktestDeskDeps) => {
  let isBusy = false;
  const unknownSite = (id: string): string =>
    `site: there is no site "${id}", there is ${deps.sites.map((one) => `"${one.id}"`).join(", ") || "none"}`;
  const run = async (input: BacktestCommand): Promise<BacktestResult> => {
    const parsed = parseCommand(commandShape, input);
    if (!parsed.ok) return parsed;
    const { command } = parsed;
    const model = deps.sites.find(({ id }) => id === command.site);
    if (model === undefined) return refuse("RULES_COMMAND_INVALID", unknownSite(command.site));
    const inForce = (id: string | undefined): Rule | null => deps.rules.find((rule) => rule.id === id) ?? null;
    const source = command.source === undefined ? null : parseRule(command.source, "source");
    const older = command.before_source === undefined ? null : parseRule(command.before_source, "before_source");
    const faults = [source, older].flatMap((one) => (one === null || one.ok ? [] : one.faults));
    if (faults.length > 0) return faulty(faults);
    const after = source?.ok ? source.rule : inForce(command.rule);
    if (after === null) return refuse("RULES_RULE_UNKNOWN", `there is no rule "${command.rule}" in force`);
    const others = command.also.flatMap((id) => inForce(id) ?? []).filter(({ id }) => id !== after.id);
    const unknown = command.also.find((id) => inForce(id) === null);
    if (unknown !== undefined) return refuse("RULES_RULE_UNKNOWN", `there is no rule "${unknown}" in force`);
    const before = older?.ok ? older.rule : source === null ? null : inForce(command.rule ?? after.id);
    // The tried rules take the place of those in force of their ids.
    const written = [source, older].flatMap((one) => (one?.ok ? [one.rule] : []));
    const strange = written.flatMap((one) => linkFaults([...deps.rules.filter(({ id }) => id !== one.id), one], [one]));
    if (strange.length > 0) return faulty(strange);
    const { from, to, tolerance_s } = command;
    const query = { model, before, after, others, from, to, toleranceMs: tolerance_s * 1000 };
    return { ok: true, backtest: await backtest(query, { ...deps, maintenance: await deps.maintenance() }) };
  };
  const again = async (input: RejudgeCommand): Promise<RejudgeResult> => {
    const parsed = parseCommand(rejudgeShape, input);
    if (!parsed.ok) return parsed;
    const { site, from, to } = parsed.command;
    const model = deps.sites.find(({ id }) => id === site);
    if (model === undefined) return refuse("RULES_COMMAND_INVALID", unknownSite(site));
    const rejudged = await rejudge({ model, from, to }, deps);
    const [then, now] = [rejudged.recorded.lines, rejudged.judged.lines];
    return { ok: true, rejudged, missing: linesBut(then, now), extra: linesBut(now, then) };
  };
  const alone = async <Result>(job: () => Promise<Result>): Promise<Result | Refusal> => {
    if (isBusy) return refuse("RULES_BACKTEST_BUSY", "another backtest is running: wait for its end");
    isBusy = true;
    try {
      return await job();
    } finally {
      isBusy = false;
    }
  };
  return {
    backtest: (input: BacktestCommand): Promise<BacktestResult> => alone(() => run(input)),
    rejudge: (input: RejudgeCommand): Promise<RejudgeResult> => alone(() => again(input)),
  };
};
