import { Readable, Transform } from "node:stream";
import { stringify } from "csv-stringify";
import { z } from "zod";
import type { Alert } from "#rules";
import { alertFilterQuery, allAlerts } from "../alert-filter.ts";
import type { App, Context } from "../app.ts";
import * as schema from "../schema.ts";

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

const row = (alert: Alert): readonly (string | number)[] => Object.values(columns).map((column) => column(alert));

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
      const alerts = Readable.from(allAlerts(rules, filter), { highWaterMark: 64 });
      const rows = new Transform({
        objectMode: true,
        transform: (alert: Alert, _encoding, done) => done(null, row(alert)),
      });
      // Excel takes UTF-8 for what it is only with the mark; a cell that begins with = must stay text.
      const csv = stringify({ bom: true, header: true, columns: Object.keys(columns), escape_formulas: true });
      for (const stream of [alerts, rows])
        stream.on("error", (error) => {
          onError(error, "DASHBOARD_INTERNAL");
          csv.destroy(error);
        });
      csv.on("close", () => alerts.destroy());
      reply.header("content-disposition", 'attachment; filename="alerts.csv"').type("text/csv; charset=utf-8");
      // biome-ignore lint/suspicious/noExplicitAny: a stream is sent as it is, past the serializer
      return reply.send(alerts.pipe(rows).pipe(csv) as any);
    },
  );
};
