import type { Episode } from "./episode.ts";

export interface Difference {
  readonly same: number;
  readonly added: readonly Episode[];
  readonly removed: readonly Episode[];
  /** The same alert at another time, or of another severity. */
  readonly moved: readonly { readonly before: Episode; readonly after: Episode }[];
}

type Timed = Pick<Episode, "subject" | "subcode"> & { readonly active: number | null };
const keyOf = ({ subject, subcode }: Timed): string => JSON.stringify([subject, subcode]);
const at = ({ active }: Timed): number => active ?? 0;

/** Pairs of one subject and subcode whose activations are at most so far apart, nearest first; each in one pair. */
export const pairsOf = <Left extends Timed, Right extends Timed>(
  left: readonly Left[],
  right: readonly Right[],
  toleranceMs: number,
): readonly (readonly [Left, Right])[] => {
  const byKey = Map.groupBy(right, keyOf);
  const near = left
    .flatMap((one) =>
      (byKey.get(keyOf(one)) ?? []).flatMap((other) => {
        const apartMs = Math.abs(at(one) - at(other));
        return apartMs <= toleranceMs ? [{ one, other, apartMs }] : [];
      }),
    )
    .sort((a, b) => a.apartMs - b.apartMs || at(a.one) - at(b.one));
  const taken = new Set<Left | Right>();
  return near.flatMap(({ one, other }) => {
    if (taken.has(one) || taken.has(other)) return [];
    taken.add(one).add(other);
    return [[one, other] as const];
  });
};

/** Alerts of one version of a rule against those of another over the same time. */
export const differenceOf = (
  before: readonly Episode[],
  after: readonly Episode[],
  toleranceMs: number,
): Difference => {
  const pairs = pairsOf(before, after, toleranceMs);
  const paired = new Set<Episode>(pairs.flat());
  const moved = pairs.filter(([one, other]) => one.active !== other.active || one.severity !== other.severity);
  return {
    same: pairs.length - moved.length,
    added: after.filter((episode) => !paired.has(episode)),
    removed: before.filter((episode) => !paired.has(episode)),
    moved: moved.map(([one, other]) => ({ before: one, after: other })),
  };
};
