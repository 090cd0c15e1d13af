/** The demonstration's site. */
export const demoSite = "demo";
/** The demonstration's zone has no daylight saving, so its offset is a constant. */
export const demoOffsetMs = 8 * 3_600_000;
