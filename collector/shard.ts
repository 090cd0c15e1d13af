/** One of several collectors that divide the sites among them; numbers count from 1. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}

/** `2/8`; null when it is no such thing. */
export const parseShard = (text: string): Shard | null => {
  const [, number = "", of = ""] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(text) ?? [];
  const shard = { number: Number(number), of: Number(of) };
  return shard.number >= 1 && shard.number <= shard.of ? shard : null;
};

/**
 * The shard that takes a site: rendezvous hashing, so that a change from n to n + 1 shards moves one site in n + 1 and
 * every machine finds the same answer without asking another.
 */
export const shardOf = (site: string, of: number): number => {
  let best = 1;
  let highest = -1;
  for (let number = 1; number <= of; number++) {
    const score = hash(`${site}#${number}`);
    if (score > highest) {
      highest = score;
      best = number;
    }
  }
  return best;
};

/** FNV-1a over UTF-16 units, finished by MurmurHash3's mixer, which spreads short texts that differ in one digit. */
const hash = (text: string): number => {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
};
