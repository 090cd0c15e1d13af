/** Where the scene plays. */
export const place = { id: "jinan-1", timeZone: "Asia/Shanghai" } as const;
export const secondPlace = "gz-2";

/** How the site is: all well, balance open, meters silent. */
export type Mood = "calm" | "open" | "stale";
