// The time range of a page, as its URL says it: from=now-6h, or from and to in UTC milliseconds.
export const presets = ["1h", "6h", "24h", "7d", "30d", "all"] as const;
export type Preset = (typeof presets)[number];

const hour = 3_600_000;
const lengths: Readonly<Record<Exclude<Preset, "all">, number>> = {
  "1h": hour,
  "6h": 6 * hour,
  "24h": 24 * hour,
  "7d": 7 * 24 * hour,
  "30d": 30 * 24 * hour,
};

export interface Range {
  readonly from: number;
  readonly to: number;
  /** Null when from and to were chosen by hand. */
  readonly preset: Preset | null;
}

const millis = (text: string | null): number | null => (text !== null && /^\d{9,15}$/.test(text) ? Number(text) : null);

/** `earliest` is where “all” begins. What cannot be understood is the last 24 hours. */
export const parseRange = (search: URLSearchParams, now: number, earliest: number): Range => {
  const from = millis(search.get("from"));
  const to = millis(search.get("to"));
  if (from !== null && to !== null && to > from) return { from, to, preset: null };
  const wanted = search.get("from")?.replace(/^now-/, "");
  const preset = presets.find((name) => name === wanted) ?? "24h";
  return preset === "all"
    ? { from: Math.min(earliest, now - hour), to: now, preset }
    : { from: now - lengths[preset], to: now, preset };
};

/** The same search with another range. */
export const withRange = (search: URLSearchParams, range: Preset | { from: number; to: number }): string => {
  const next = new URLSearchParams(search);
  if (typeof range === "string") {
    next.set("from", range === "all" ? "all" : `now-${range}`);
    next.delete("to");
  } else {
    next.set("from", String(Math.round(range.from)));
    next.set("to", String(Math.round(range.to)));
  }
  return `?${next}`;
};
