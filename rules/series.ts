/**
 * Series shorthand, one sample per step:
 *
 *     series := token (" " token)*
 *     token  := item | item "x" count          count samples in all
 *             | number ("+" | "-") number "x" count   a start and what each next sample adds
 *     item   := number | "_" | word
 *
 * `_` is no sample at all; words are the caller's (`stale`, `ACTIVE/MAJOR`). `0 _ _ 1+1x5 stale` is nine samples:
 * 0, none, none, 1, 2, 3, 4, 5, stale.
 */
export type Sample = number | string | null;

export type ParsedSeries =
  | { readonly ok: true; readonly samples: readonly Sample[] }
  /** 1-based position of the token. */
  | { readonly ok: false; readonly position: number; readonly message: string };

// A mistyped count must not fill the memory.
const maxSamples = 100_000;
const number = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const ramp = /^([+-]?\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)x(\d+)$/;
const repeated = /^(.+?)x(\d+)$/;
const word = /^[A-Za-z][A-Za-z/+-]*$/;

export const parseSeries = (text: string): ParsedSeries => {
  const samples: Sample[] = [];
  const tokens = text.trim() === "" ? [] : text.trim().split(/\s+/);
  for (const [index, token] of tokens.entries()) {
    const parsed = parseToken(token);
    const position = index + 1;
    if (parsed === null) {
      const message = `"${token.slice(0, 40)}" at position ${position} is no sample, expected 5, 5x3, 5+1x3, _ or a word`;
      return { ok: false, position, message };
    }
    if (samples.length + parsed.count > maxSamples) {
      return { ok: false, position, message: `more than ${maxSamples} samples at position ${position}` };
    }
    for (let step = 0; step < parsed.count; step++) {
      samples.push(typeof parsed.item === "number" ? parsed.item + step * parsed.add : parsed.item);
    }
  }
  return { ok: true, samples };
};

const parseToken = (token: string): { readonly item: Sample; readonly add: number; readonly count: number } | null => {
  const rising = ramp.exec(token);
  if (rising !== null) return { item: Number(rising[1]), add: Number(rising[2]), count: Number(rising[3]) };
  const several = repeated.exec(token);
  const item = parseItem(several?.[1] ?? token);
  return item === undefined ? null : { item, add: 0, count: several === null ? 1 : Number(several[2]) };
};

const parseItem = (text: string): Sample | undefined => {
  if (text === "_") return null;
  if (number.test(text)) return Number(text);
  return word.test(text) ? text : undefined;
};
