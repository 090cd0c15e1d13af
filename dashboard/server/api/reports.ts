import { stringify } from "csv-stringify/sync";
import writeExcelFile from "write-excel-file/node";
import { z } from "zod";
import { type Report, reportIds, reportTable } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, knownAt, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";
import { sendFile } from "../send-file.ts";

const csvType = "text/csv; charset=utf-8";
const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** UTF-8 with its mark, so that Excel takes it; a cell that begins with = stays text. */
const csvOf = (report: Report): string =>
  stringify(
    reportTable(report).map((row) => [...row]),
    { bom: true, escape_formulas: true, record_delimiter: "windows" },
  );

const xlsxOf = (report: Report): Promise<Buffer> =>
  writeExcelFile(
    reportTable(report).map((row) => [...row]),
    { sheet: report.report },
  ).toBuffer();

export const reportRoutes = (app: App, { energy, now }: Context): void => {
  app.get(
    "/api/v1/reports/:report",
    {
      schema: {
        summary:
          "A report field by field, with coverage, estimates and the measurement points used: (EU) 2024/1364 annexes I to III, or a Chinese green data-centre sheet",
        tags: ["energy"],
        params: z.strictObject({ report: z.enum(reportIds) }),
        querystring: rangeQuery({
          site: identifier,
          year: z.coerce
            .number()
            .int()
            .min(1970)
            .max(9998)
            .optional()
            .describe("civil year of the site; wins over from and to"),
          format: z.enum(["json", "csv", "xlsx"]).default("json"),
          knownAt: knownAt.optional(),
        }),
        response: {
          200: {
            description: "the report; CSV with a byte-order mark or an Excel workbook when asked for",
            content: {
              "application/json": { schema: schema.report },
              "text/csv": { schema: z.string() },
              [xlsxType]: { schema: z.string() },
            },
          },
          400: schema.problem,
          404: schema.problem,
        },
      },
    },
    async ({ params: { report: id }, query: asked }, reply) => {
      const { from, to } = rangeOf(asked, now(), dayMs);
      const found = await energy.report({
        site: asked.site,
        report: id,
        period: asked.year === undefined ? { from, to } : { year: asked.year },
        ...(asked.knownAt === undefined ? {} : { knownAt: asked.knownAt }),
      });
      if (found === null) return refuse(reply, unknownSite(asked.site));
      if (asked.format === "json") return reply.type("application/json").send(found);
      const body = asked.format === "csv" ? Buffer.from(csvOf(found)) : await xlsxOf(found);
      const name = `${id}-${asked.site}-${asked.year ?? found.period.start.slice(0, 10)}.${asked.format}`;
      return sendFile(reply, { name, type: asked.format === "csv" ? csvType : xlsxType, body });
    },
  );
};
