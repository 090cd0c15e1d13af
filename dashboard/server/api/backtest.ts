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

/** A rule, or two versions of it, over a site's history. */
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
          before_source: z.string().min(1).max(65_536).exactOptional().describe("compare with this one instead"),
          from: instant,
          to: instant,
          tolerance_s: z.number().int().min(0).max(86_400).exactOptional().describe("moved, not removed and added; 60"),
        }),
        response: {
          200: backtest,
          400: schema.problem,
          403: schema.problem,
          404: schema.problem,
          409: schema.problem,
          429: schema.problem,
          503: schema.problem,
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
};
