/** Each text once, by number: a column of a million small numbers instead of a million texts. */
export interface Names {
  code(text: string): number;
  /** By code: 1 where the text is one of these (`in`) or none of these. */
  choose(values: readonly string[], match: "in" | "not-in"): Uint8Array;
  /** By code: 1 where the text holds the word; the word is lower-case. */
  holding(word: string): Uint8Array;
}

export const createNames = (): Names => {
  const codes = new Map<string, number>();
  const lowered: string[] = [];
  return {
    code(text) {
      const known = codes.get(text);
      if (known !== undefined) return known;
      codes.set(text, lowered.length);
      return lowered.push(text.toLowerCase()) - 1;
    },
    choose(values, match) {
      const chosen = new Uint8Array(lowered.length).fill(match === "in" ? 0 : 1);
      for (const value of values) {
        const code = codes.get(value);
        if (code !== undefined) chosen[code] = match === "in" ? 1 : 0;
      }
      return chosen;
    },
    holding: (word) => Uint8Array.from(lowered, (text) => (text.includes(word) ? 1 : 0)),
  };
};
