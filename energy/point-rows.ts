// The cells of a point list as rows: heads found, merged cells filled down, every fault with its place.
import { findColumn, type ListColumn, listColumns } from "./point-words.ts";

/** A fault in a list: the row as the sheet numbers it, the head of the column, what was expected. */
export interface RowFault {
  readonly row: number;
  readonly column: string;
  readonly message: string;
}

export interface ListTerms {
  readonly site: string;
  readonly timeZone: string;
  readonly currency: string;
  /** Null: the ratings of the grid connections together. */
  readonly busRatingW: number | null;
  /** Heads that the list uses for our columns, where they are not among the known ones. */
  readonly columns: Readonly<Partial<Record<ListColumn, string>>>;
  /** Columns in which an empty cell repeats the one above, as merged cells come out. */
  readonly fillDown: readonly ListColumn[];
}

export type Cells = readonly (readonly string[])[];

export interface Head {
  readonly row: number;
  readonly at: ReadonlyMap<ListColumn, number>;
  readonly names: readonly string[];
  readonly ignored: readonly string[];
}

// Lists begin with a title, a project name, a date.
export const deepestHead = 20;

export const findHead = (cells: Cells, terms: ListTerms): Head | null => {
  const declared = new Map(Object.entries(terms.columns).map(([column, head]) => [head, column as ListColumn]));
  for (const [row, names] of cells.slice(0, deepestHead).entries()) {
    const at = new Map<ListColumn, number>();
    const ignored: string[] = [];
    for (const [index, name] of names.entries()) {
      const known = findColumn(name);
      // A head that is declared for another column is not also found by its word.
      const column =
        declared.get(name) ?? (known !== undefined && terms.columns[known] === undefined ? known : undefined);
      if (column !== undefined && !at.has(column)) at.set(column, index);
      else if (name !== "") ignored.push(name);
    }
    if (at.has("device") && at.has("quantity")) return { row, at, names, ignored };
  }
  return null;
};

export interface Row {
  readonly row: number;
  readonly text: (column: ListColumn) => string;
  readonly fault: (column: ListColumn, message: string) => void;
}

export const readRows = (cells: Cells, head: Head, terms: ListTerms, faults: RowFault[]): readonly Row[] => {
  const above = new Map<ListColumn, string>();
  const rows: Row[] = [];
  for (const [index, line] of cells.slice(head.row + 1).entries()) {
    if (line.every((cell) => cell === "")) continue;
    const row = head.row + index + 2;
    const filled = new Map<ListColumn, string>();
    for (const column of listColumns) {
      const at = head.at.get(column);
      const own = at === undefined ? "" : (line[at] ?? "");
      const text = own === "" && terms.fillDown.includes(column) ? (above.get(column) ?? "") : own;
      filled.set(column, text);
      above.set(column, text);
    }
    rows.push({
      row,
      text: (column) => filled.get(column) ?? "",
      fault: (column, message) => {
        faults.push({ row, column: head.names[head.at.get(column) ?? -1] ?? column, message });
      },
    });
  }
  return rows;
};
