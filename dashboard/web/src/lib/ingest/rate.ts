/** How often a device reported between two looks at it, per minute; null before the second look. */
export const perMinute = (
  before: { readonly readings: number; readonly at: number } | undefined,
  after: { readonly readings: number; readonly at: number },
): number | null => {
  if (before === undefined || after.at <= before.at) return null;
  return Math.max(0, ((after.readings - before.readings) / (after.at - before.at)) * 60_000);
};
