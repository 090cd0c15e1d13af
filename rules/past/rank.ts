/** By what losses are ranked. */
export const wasteKeys = ["money", "energy", "carbon"] as const;
export type WasteKey = (typeof wasteKeys)[number];

/** What was lost while an alert lasted; `unknownLoss` where it was worked out and is not known. */
export interface Loss {
  readonly energyWh: number;
  readonly cost: number;
  readonly carbonG: number;
}

export const unknownLoss = -Number.MAX_VALUE;

export const lossOf = (known: { readonly [Key in keyof Loss]?: number | null }): Loss => ({
  energyWh: known.energyWh ?? unknownLoss,
  cost: known.cost ?? unknownLoss,
  carbonG: known.carbonG ?? unknownLoss,
});

// What has no figure of the key comes after all that have one, by the next figure that it has.
const orders: Readonly<Record<WasteKey, readonly (keyof Loss)[]>> = {
  money: ["cost", "energyWh", "carbonG"],
  energy: ["energyWh", "cost", "carbonG"],
  carbon: ["carbonG", "energyWh", "cost"],
};

/** For sorting: the dearer first, without any figure last. */
export const dearerBy = (by: WasteKey): ((a: Loss, b: Loss) => number) => {
  const order = orders[by];
  return (a, b) => {
    for (const key of order) {
      const [mine, other] = [a[key], b[key]];
      if (mine !== unknownLoss || other !== unknownLoss) return other === mine ? 0 : other > mine ? 1 : -1;
    }
    return 0;
  };
};
