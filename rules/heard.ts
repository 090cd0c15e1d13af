/** When each device was heard last, and its good readings in a row. */
export type Heard = Iterable<readonly [device: string, lastTs: number | null, good: number]>;

/** As it is saved: one text for a site, since hundreds of sites of hundreds of devices are saved at once. */
export type SavedHeard = string | Readonly<Record<string, readonly [lastTs: number | null, good: number]>>;

// base;device,base − lastTs,good;…   numbers in base 36; a device that was not heard has no time. No name has a "," or ";".
const radix = 36;

export const formatHeard = (heard: Heard): string => {
  let base: number | null = null;
  let text = "";
  for (const [device, lastTs, good] of heard) {
    base ??= lastTs;
    const age = lastTs === null ? "" : ((base ?? 0) - lastTs).toString(radix);
    text += `;${device},${age},${good === 0 ? "" : good.toString(radix)}`;
  }
  return `${(base ?? 0).toString(radix)}${text}`;
};

/** Inverse of `formatHeard`; takes the plain form of earlier versions, too. */
export const parseHeard = (saved: SavedHeard): Heard => {
  if (typeof saved !== "string") return Object.entries(saved).map(([device, [ts, good]]) => [device, ts, good]);
  const [first = "0", ...entries] = saved.split(";");
  const base = Number.parseInt(first, radix);
  return entries.map((entry) => {
    const [device = "", age = "", good = ""] = entry.split(",");
    const lastTs = age === "" ? null : base - Number.parseInt(age, radix);
    return [device, lastTs, good === "" ? 0 : Number.parseInt(good, radix)];
  });
};
