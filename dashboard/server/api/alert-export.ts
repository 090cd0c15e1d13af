import { Readable } from "node:stream";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import type { Alert } from "#rules";
import { type AlertFilter, alertFilterQuery, alertPages, askedAlerts } from "../alert-filter.ts";
import type { App, Context } from "../app.ts";
import * as schema from "../schema.ts";
import { sendFile } from "../send-file.ts";

const iso = (ms: number | null): string => (ms === null ? "" : new Date(ms).toISOString());

const columns: Readonly<Record<string, (alert: Alert) => string | number>> = {
  id: ({ id }) => id,
  site: ({ site }) => site,
  rule: ({ rule }) => rule,
  rule_version: ({ ruleVersion }) => ruleVersion,
  subject: ({ subject }) => subject,
  subcode: ({ subcode }) => subcode,
  severity: ({ severity }) => severity,
  state: ({ state }) => state,
  start: ({ start }) => iso(start),
  active: ({ active }) => iso(active),
  returned: ({ returned }) => iso(returned),
  closed: ({ closed }) => iso(closed),
  occurrences: ({ occurrences }) => occurrences,
  title_en: ({ title }) => title.en,
  title_zh: ({ title }) => title["zh-CN"],
  acknowledged_by: ({ acknowledged }) => acknowledged?.by ?? "",
  acknowledged_at: ({ acknowledged }) => iso(acknowledged?.at ?? null),
  acknowledged_reason: ({ acknowledged }) => acknowledged?.reason ?? "",
  assignee: ({ assignee }) => assignee ?? "",
  comments: ({ comments }) => comments.map(({ by, text, at }) => `${iso(at)} ${by}: ${text}`).join("\n"),
  inputs: ({ inputs }) => JSON.stringify(inputs),
  thresholds: ({ thresholds }) => JSON.stringify(thresholds),
  restated: ({ restated }) => (restated ? "yes" : "no"),
};

const row = (alert: Alert): (string | number)[] => Object.values(columns).map((column) => column(alert));

/** Text page by page, so that a million alerts need the memory of one page. */
async function* csv(rules: Context["rules"], filter: AlertFilter): AsyncGenerator<string> {
  // Excel takes UTF-8 for what it is only with the mark; a cell that begins with = must stay text.
  yield stringify([Object.keys(columns)], { bom: true });
  for await (const alerts of alertPages(rules, askedAlerts(filter)))
    yield stringify(alerts.map(row), { escape_formulas: true });
}

export const alertExportRoutes = (app: App, { rules, onError }: Context): void => {
  app.get(
    "/api/v1/alerts.csv",
    {
      schema: {
        summary:
          "Every alert of the filter as CSV with a byte-order mark, times in UTC; streamed, without an upper limit",
        tags: ["alerts"],
        querystring: alertFilterQuery,
        response: {
          200: { description: "one line per alert", content: { "text/csv": { schema: z.string() } } },
          400: schema.problem,
        },
      },
    },
    async ({ query: filter }, reply) => {
      const text = Readable.from(csv(rules, filter), { objectMode: false });
      text.on("error", (error) => onError(error, "DASHBOARD_INTERNAL"));
      return sendFile(reply, { name: "alerts.csv", type: "text/csv; charset=utf-8", body: text });
    },
  );
};
