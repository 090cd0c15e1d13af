// Columns for charts: a gap in time is a gap in the line.

export interface Column {
  readonly ts: readonly number[];
  readonly values: readonly (number | null)[];
}

const stepMs: Readonly<Record<string, number>> = { "1m": 60_000, "15m": 900_000, "1h": 3_600_000, "1d": 86_400_000 };
export const stepLength = (step: string): number => stepMs[step] ?? 60_000;

/** Several columns on one time axis; where one has no value at a time, null. */
export const joinColumns = (columns: readonly Column[]): { ts: number[]; values: (number | null)[][] } => {
  const ts = [...new Set(columns.flatMap((column) => column.ts))].sort((a, b) => a - b);
  const at = new Map(ts.map((time, index) => [time, index]));
  const values = columns.map((column) => {
    const row: (number | null)[] = new Array<number | null>(ts.length).fill(null);
    column.ts.forEach((time, index) => {
      const place = at.get(time);
      if (place !== undefined) row[place] = column.values[index] ?? null;
    });
    return row;
  });
  return { ts, values };
};

/** Adds an empty point wherever the next one is more than 1.5 steps away. */
export const breakGaps = (column: Column, step: number): { ts: number[]; values: (number | null)[] } => {
  const ts: number[] = [];
  const values: (number | null)[] = [];
  column.ts.forEach((time, index) => {
    const before = ts.at(-1);
    if (before !== undefined && time - before > 1.5 * step) {
      ts.push(before + step);
      values.push(null);
    }
    ts.push(time);
    values.push(column.values[index] ?? null);
  });
  return { ts, values };
};

export interface Extent {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly last: number;
  readonly count: number;
}

/** Least, greatest, mean of the known values and the newest; null when there is none. */
export const extentOf = (values: readonly (number | null)[]): Extent | null => {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  const last = known.at(-1);
  if (last === undefined) return null;
  let min = last;
  let max = last;
  let sum = 0;
  for (const value of known) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  return { min, max, mean: sum / known.length, last, count: known.length };
};

/**
 * A ratio over several windows is the quotient of the sums of the windows that have one, never the mean of ratios; null
 * when there is none.
 */
export const ratioOfSums = (trend: {
  readonly value: readonly (number | null)[];
  readonly numerator: readonly (number | null)[];
  readonly denominator: readonly (number | null)[];
}): number | null => {
  let numerator = 0;
  let denominator = 0;
  trend.value.forEach((value, index) => {
    if (value === null) return;
    numerator += trend.numerator[index] ?? 0;
    denominator += trend.denominator[index] ?? 0;
  });
  return denominator > 0 ? numerator / denominator : null;
};

/** SVG path of a small line; a null lifts the pen. Values keep their place in time. */
export const linePath = (
  column: Column,
  box: { from: number; to: number; low: number; high: number; width: number; height: number },
): string => {
  const span = box.to - box.from || 1;
  const range = box.high - box.low || 1;
  let pen = "M";
  let path = "";
  column.ts.forEach((time, index) => {
    const value = column.values[index] ?? null;
    if (value === null) {
      pen = "M";
      return;
    }
    const x = ((time - box.from) / span) * box.width;
    const y = box.height - ((value - box.low) / range) * box.height;
    path += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
};

/** A file that spreadsheets open: UTC time stamps, one column per series, an empty cell where nothing is known. */
export const toCsv = (
  head: readonly string[],
  ts: readonly number[],
  values: readonly (readonly (number | null)[])[],
): string => {
  const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = ts.map((time, index) =>
    [new Date(time).toISOString(), ...values.map((row) => row[index] ?? "")].join(","),
  );
  return `\uFEFF${[head.map(quote).join(","), ...rows].join("\r\n")}\r\n`;
};
