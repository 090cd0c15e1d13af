import type { Reading } from "./reading.ts";

/** What a message adds to what is stored of the same site, device and time. */
export interface Merge {
  /** The whole reading afterwards; null when nothing changes. */
  readonly merged: Reading | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly corrected: readonly { readonly quantity: string; readonly was: number }[];
}

/** `received` becomes that of the message that changed something; flags add up. */
export const mergeReading = (stored: Reading | undefined, message: Reading): Merge => {
  if (stored === undefined)
    return { merged: message, accepted: Object.keys(message.quantities).length, duplicates: 0, corrected: [] };
  const values = new Map(Object.entries(stored.quantities));
  const corrected: { quantity: string; was: number }[] = [];
  let [accepted, duplicates] = [0, 0];
  for (const [quantity, value] of Object.entries(message.quantities)) {
    const was = values.get(quantity);
    if (was === value) duplicates++;
    else if (was === undefined) accepted++;
    else corrected.push({ quantity, was });
    values.set(quantity, value);
  }
  if (accepted === 0 && corrected.length === 0) return { merged: null, accepted, duplicates, corrected };
  const flags = [...new Set([...stored.flags, ...message.flags])];
  return { merged: { ...message, quantities: Object.fromEntries(values), flags }, accepted, duplicates, corrected };
};
