import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { InvalidInputError, readSheet, SheetNotFoundError } from "read-excel-file/node";

/** The cells of a sheet as texts, row by row; empty rows stay, so that rows keep their numbers. */
export type Table =
  | { readonly ok: true; readonly cells: readonly (readonly string[])[] }
  | { readonly ok: false; readonly message: string };

/** UTF-8 with or without a byte order mark; what is not UTF-8 is what Chinese editions of office programs write. */
export const decodeText = (bytes: Uint8Array): string => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
};

/** The separator that the fullest of the first lines uses most. */
const separatorOf = (text: string): string => {
  const lines = text.split(/\r?\n/, 20);
  const count = (separator: string): number => Math.max(...lines.map((line) => line.split(separator).length));
  return [",", ";", "\t"].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
};

const readCsv = (bytes: Uint8Array): Table => {
  const text = decodeText(bytes);
  try {
    const cells = parse(text, {
      bom: true,
      delimiter: separatorOf(text),
      relax_column_count: true,
      skip_empty_lines: false,
    }) as string[][];
    return { ok: true, cells };
  } catch (error) {
    return { ok: false, message: `not a readable CSV: ${error instanceof Error ? error.message : String(error)}` };
  }
};

const readXlsx = async (bytes: Buffer, sheet: string | null): Promise<Table> => {
  try {
    const rows = await (sheet === null ? readSheet(bytes) : readSheet(bytes, sheet));
    return { ok: true, cells: rows.map((row) => row.map((cell) => (cell === null ? "" : String(cell)))) };
  } catch (error) {
    if (error instanceof SheetNotFoundError)
      return { ok: false, message: `the workbook has no sheet "${error.sheet}"` };
    if (error instanceof InvalidInputError && error.code === "XLS_FILE_NOT_SUPPORTED")
      return { ok: false, message: "an .xls file of the old kind: save it as .xlsx or CSV" };
    return { ok: false, message: `not a readable XLSX: ${error instanceof Error ? error.message : String(error)}` };
  }
};

/** Reads a CSV or XLSX file; what it is decides its content, not its name. Throws when the file cannot be read. */
export const readTable = async (file: string, sheet: string | null): Promise<Table> => {
  const bytes = await readFile(file);
  // Every XLSX is a ZIP archive; the old XLS is an OLE container.
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  const isOle = bytes[0] === 0xd0 && bytes[1] === 0xcf;
  return isZip || isOle ? readXlsx(bytes, sheet) : readCsv(bytes);
};
