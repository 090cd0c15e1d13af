import type { Reading, ReadingFlag } from "../reading.ts";
import type { Timestamp } from "../unit.ts";

/**
 * A committed reading as the spool holds it: whole after merging with what was known then. `undecided` says that the
 * server could not be asked what it holds of the same time; the sender asks before it sends.
 */
export interface SpoolRecord {
  readonly reading: Reading;
  /** Old values that this message replaced. */
  readonly corrected: readonly { readonly quantity: string; readonly was: number }[];
  /** First message of its site, device and time, as far as was known. */
  readonly first: boolean;
  readonly undecided: boolean;
}

/** What the writer tells all readers of the spool, in commit order. */
export type Note =
  /** Roll-ups of these hours are in the server, made of everything before reading `before`. */
  | {
      readonly note: "rolled";
      readonly before: number;
      readonly hours: readonly (readonly [site: string, device: string, ...starts: number[]])[];
    }
  | { readonly note: "pruned"; readonly before: number }
  /** So many messages that were counted as new readings had been in the server already. */
  | { readonly note: "known"; readonly site: string; readonly device: string; readonly readings: number }
  /** The catalogue file was replaced by one that knows more. */
  | { readonly note: "catalog" };

type Packed = readonly [
  site: string,
  device: string,
  ts: number,
  received: number,
  quantities: Record<string, number>,
  flags: readonly ReadingFlag[],
  kind: number,
  corrected: readonly (readonly [string, number])[],
];

export const packRecords = (records: readonly SpoolRecord[]): string =>
  JSON.stringify(
    records.map(
      ({ reading, corrected, first, undecided }): Packed => [
        reading.site,
        reading.device,
        reading.ts,
        reading.received,
        reading.quantities,
        reading.flags,
        (first ? 1 : 0) + (undecided ? 2 : 0),
        corrected.map(({ quantity, was }) => [quantity, was]),
      ],
    ),
  );

// The frame's checksum vouches for the shape.
export const unpackRecords = (payload: Buffer): SpoolRecord[] =>
  (JSON.parse(payload.toString("utf8")) as Packed[]).map(
    ([site, device, ts, received, quantities, flags, kind, corrected]) => ({
      reading: { site, device, ts: ts as Timestamp, received: received as Timestamp, quantities, flags },
      corrected: corrected.map(([quantity, was]) => ({ quantity, was })),
      first: (kind & 1) === 1,
      undecided: (kind & 2) === 2,
    }),
  );

export const packNote = (note: Note): string => JSON.stringify(note);
export const unpackNote = (payload: Buffer): Note => JSON.parse(payload.toString("utf8")) as Note;

export const deviceKey = (site: string, device: string): string => `${site}/${device}`;
export const readingKey = (of: { readonly site: string; readonly device: string; readonly ts: number }): string =>
  `${of.site}/${of.device}@${of.ts}`;
