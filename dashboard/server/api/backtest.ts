import { z } from "zod";
import { severities } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import { identifier, instant } from "../query.ts";
import * as schema from "../schema.ts";

const minuteMs = 60_000;
/** A rule file with comments, and one to compare with. */
const bodyLimit = 160 * 1024;

const ms = z.number().describe("UTC milliseconds");
const episode = z.object({
  id: z.string(),
  rule: z.string(),
  subject: z.string(),
  subcode: z.string(),
  severity: z.enum(severities),
  start: ms,
  active: ms.nullable(),
  eased: ms.nullable().describe("the trigger was no longer true"),
  clear: ms.nullable().describe("the clear condition was true until the end"),
  end: ms.nullable(),
});
const points = z.array(z.object({ holdS: z.number(), alerts: z.number().int() }));
const tried = z.object({
  rule: z.string(),
  version: z.number().int(),
  alerts: z.array(episode),
  minutesInAlarm: z.number(),
  duringMaintenance: z.number().int(),
  silenced: z.number().int().describe("became active while a silence of then matched it"),
  told: z.number().int().describe("neither of the two"),
  minutesShelved: z.number().describe("in alarm while the alert of then was on the shelf"),
  tradeOff: z.object({
    on: points.describe("alerts against the hold before one comes up"),
    off: points.describe("alerts against the hold before one is over"),
    suggested: z.object({ onS: z.number().nullable(), offS: z.number().nullable() }),
  }),
});
const backtest = z.object({
  site: z.string(),
  from: ms,
  to: ms,
  warmUpFrom: ms,
  readings: z.number().int(),
  accounts: z.number().int(),
  before: tried.nullable(),
  after: tried,
  others: z.array(tried).exactOptional().describe("those of `also`"),
  difference: z
    .object({
      same: z.number().int(),
      added: z.array(episode),
      removed: z.array(episode),
      moved: z.array(z.object({ before: episode, after: episode })),
    })
    .nullable(),
  acknowledgedThatVanish: z.array(
    z.object({
      id: z.string(),
      subject: z.string(),
      subcode: z.string(),
      active: ms.nullable(),
      acknowledged: z.object({ by: z.string(), reason: z.string(), at: ms }).nullable(),
    }),
  ),
});

const judgements = z.object({
  transitions: z.number().int(),
  alerts: z.number().int(),
  sha256: z.string().describe("of the transitions, one JSON object a line"),
});
const lines = z.array(z.string()).describe("transitions, one JSON object each; the first hundred");
const rejudged = z.object({
  site: z.string(),
  from: ms,
  to: ms,
  warmUpFrom: ms,
  readings: z.number().int(),
  accounts: z.number().int(),
  recorded: judgements,
  judged: judgements,
  equal: z.boolean().describe("every transition of every alert, byte for byte"),
  missing: lines,
  extra: lines,
});
const mostLines = 100;

/** A rule, two versions of it, or all rules over a site's history. */
export const backtestRoutes = (app: App, { rules, settings }: Context): void => {
  app.post(
    "/api/v1/rules/backtest",
    {
      bodyLimit,
      onRequest: app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: minuteMs }),
      schema: {
        summary: "Judge a site's history again with a rule, or compare two versions of it",
        tags: ["alerts"],
        body: z.strictObject({
          site: identifier,
          rule: z.string().min(1).max(64).exactOptional().describe("id of the rule in force"),
          source: z.string().min(1).max(65_536).exactOptional().describe("a rule file, compared with the one in force"),
          also: z
            .array(z.string().min(1).max(64))
            .max(200)
            .exactOptional()
            .describe("ids of rules in force that are tried in the same pass"),
          before_source: z.string().min(1).max(65_536).exactOptional().describe("compare with this one instead"),
          from: instant,
          to: instant,
          tolerance_s: z.number().int().min(0).max(86_400).exactOptional().describe("moved, not removed and added; 60"),
        }),
        response: {
          200: backtest,
          ...schema.commandProblems,
        },
      },
    },
    async ({ body }, reply) => {
      const result = await rules.backtest(body);
      if (result.ok) return result.backtest;
      const errors = result.faults?.map(({ file, line, column, message }) => ({
        name: `${file}:${line}:${column}`,
        message,
      })) ?? [{ name: result.code, message: result.reason }];
      const status = result.code === "RULES_BACKTEST_BUSY" ? 409 : result.code === "RULES_RULE_UNKNOWN" ? 404 : 400;
      return refuse(reply, { status, code: "DASHBOARD_COMMAND_REFUSED", detail: result.reason, errors });
    },
  );
  app.post(
    "/api/v1/rules/rejudge",
    {
      onRequest: app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: minuteMs }),
      schema: {
        summary: "Judge a site's history again with all rules in force and compare with what was recorded then",
        tags: ["alerts"],
        body: z.strictObject({
          site: identifier,
          from: instant.exactOptional().describe("the first stored reading unless said"),
          to: instant,
        }),
        response: { 200: rejudged, ...schema.commandProblems },
      },
    },
    async ({ body }, reply) => {
      const result = await rules.rejudge(body);
      if (!result.ok) {
        const status = result.code === "RULES_BACKTEST_BUSY" ? 409 : 400;
        const errors = [{ name: result.code, message: result.reason }];
        return refuse(reply, { status, code: "DASHBOARD_COMMAND_REFUSED", detail: result.reason, errors });
      }
      const { recorded, judged, ...rest } = result.rejudged;
      const side = (one: typeof recorded) => ({
        transitions: one.lines.length,
        alerts: one.alerts,
        sha256: one.sha256,
      });
      const [missing, extra] = [result.missing.slice(0, mostLines), result.extra.slice(0, mostLines)];
      return { ...rest, recorded: side(recorded), judged: side(judged), missing, extra };
    },
  );
};
