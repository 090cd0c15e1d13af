/** Lengths of time that people look back on. */
export const periods = ["24h", "7d", "30d"] as const;
export type Period = (typeof periods)[number];

const dayMs = 86_400_000;
export const periodMs: Readonly<Record<Period, number>> = { "24h": dayMs, "7d": 7 * dayMs, "30d": 30 * dayMs };
