// npm run import-points -- list.xlsx --site jinan-1 --time-zone Asia/Shanghai --currency CNY --out sites/jinan-1.yaml
import { writeFile } from "node:fs/promises";
import { importPoints, isListColumn, type ListTerms, listColumns } from "#energy";
import { openCommand, readCommand } from "./command.ts";
import { readTable } from "./points/table.ts";

const usage = `usage: npm run import-points -- <list.csv|list.xlsx> --site <id> --time-zone <zone> --currency <code> [options]
  Turns a point list (a row per device and quantity, columns in any order, heads in English or Chinese) into a site file.
  --out           the file to write, standard output without it; an existing file is not replaced
  --bus-rating-w  rating of the site AC bus; default: the ratings of the grid connections together
  --columns       heads of your list for our columns, such as "device=表号,quantity=数据"; the columns are
                  ${listColumns.join(" ")}
  --fill-down     columns in which an empty cell repeats the one above (merged cells), such as "device,node,kind"
  --sheet         the sheet of a workbook; default: the first
  --partial       write what is in order although rows have faults
Exit 0: written, 1: rows have faults, 2: cannot.`;

interface Order {
  readonly file: string;
  readonly sheet: string | null;
  readonly out: string | null;
  readonly partial: boolean;
  readonly terms: ListTerms;
}

const call = {
  usage,
  files: ["<list.csv|list.xlsx>"],
  needs: ["site", "time-zone", "currency"],
  options: {
    site: { type: "string" },
    "time-zone": { type: "string" },
    currency: { type: "string" },
    "bus-rating-w": { type: "string" },
    columns: { type: "string" },
    "fill-down": { type: "string" },
    sheet: { type: "string" },
    out: { type: "string" },
    partial: { type: "boolean", default: false },
  },
} as const;

/** What the command was asked for; a text says what is wrong with it. */
const ask = (argv: readonly string[]): Order | string => {
  const read = readCommand(call, argv);
  if (!read.ok) return read.reason;
  const { values, positionals } = read;
  const [file = ""] = positionals;
  const { site, currency, "time-zone": timeZone } = values;
  const busRatingW = values["bus-rating-w"] === undefined ? null : Number(values["bus-rating-w"]);
  if (busRatingW !== null && !(busRatingW > 0))
    return `--bus-rating-w must be a number above 0, got "${values["bus-rating-w"]}"`;
  const columns = Object.fromEntries(
    (values.columns ?? "")
      .split(",")
      .filter(Boolean)
      .map((pair) => pair.split("=", 2)),
  );
  const fillDown = (values["fill-down"] ?? "").split(",").filter(Boolean);
  const strange = [...Object.keys(columns), ...fillDown].filter((name) => !isListColumn(name));
  if (strange.length > 0) return `"${strange.join('", "')}" is no column, expected ${listColumns.join(", ")}`;
  return {
    ...{ file, sheet: values.sheet ?? null, out: values.out ?? null, partial: values.partial },
    terms: { site, timeZone, currency, busRatingW, columns, fillDown: fillDown.filter(isListColumn) },
  };
};

/** Runs the command; gives its exit code. */
export const importList = async (
  argv: readonly string[],
  say: { readonly out: (text: string) => void; readonly error: (text: string) => void },
): Promise<number> => {
  const order = ask(argv);
  if (typeof order === "string") {
    say.error(`${order}\n`);
    return 2;
  }
  const table = await readTable(order.file, order.sheet);
  if (!table.ok) {
    say.error(`${order.file}: ${table.message}\n`);
    return 2;
  }
  const { text, faults, rows, points, ignored } = importPoints(table.cells, order.terms);
  for (const { row, column, message } of faults)
    say.error(
      `${order.file}: ${row > 0 ? `row ${row}` : "the list"}${column === "" ? "" : `, ${column}`}: ${message}\n`,
    );
  if (ignored.length > 0) say.error(`columns left aside: ${ignored.join(", ")}\n`);
  const refused = `${faults.length} fault${faults.length === 1 ? "" : "s"} in ${rows} rows`;
  if (text === null || (faults.length > 0 && !order.partial)) {
    say.error(`${refused}: nothing was written\n`);
    return 1;
  }
  if (order.out === null) say.out(text);
  else await writeFile(order.out, text, { flag: "wx" });
  say.error(`${points} points from ${rows} rows${faults.length > 0 ? `, ${refused}` : ""}\n`);
  return faults.length > 0 ? 1 : 0;
};

if (import.meta.main) {
  openCommand(call);
  process.exitCode = await importList(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  }).catch((error: unknown) => {
    process.stderr.write(`import-points: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  });
}
