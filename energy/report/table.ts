import type { Report, ReportField } from "./report.ts";

type Cell = string | number;

const columns: Readonly<Record<string, (field: ReportField) => Cell>> = {
  ref: ({ ref }) => ref,
  code: ({ code }) => code,
  name_en: ({ name }) => name.en,
  name_zh: ({ name }) => name["zh-CN"],
  value: ({ value }) => value ?? "",
  unit: ({ unit }) => unit,
  quality: ({ quality }) => quality,
  coverage: ({ coverage }) => coverage ?? "",
  points: ({ points }) => points.join("; "),
  notes: ({ notes }) => notes.join("; "),
  source: ({ source }) => source ?? "",
  judged: ({ judged = [] }) =>
    judged
      .map(({ factor, revision, limit, unit, met }) =>
        [`${factor}@${revision}`, unit, limit, met === null ? "unknown" : met ? "met" : "not met"].join(" "),
      )
      .join("; "),
};

/** A report as a table: the head of the report in rows of two, then a row of names, then a row per field. */
export const reportTable = (report: Report): readonly (readonly Cell[])[] => [
  ["report", report.title.en],
  ["报告", report.title["zh-CN"]],
  ["instrument", report.instrument],
  ["site", `${report.site}@${report.siteModel}`],
  ["period", `${report.period.start} / ${report.period.end} ${report.period.tz}`],
  ["notes", report.notes.join("; ")],
  Object.keys(columns),
  ...report.fields.map((field) => Object.values(columns).map((column) => column(field))),
];
