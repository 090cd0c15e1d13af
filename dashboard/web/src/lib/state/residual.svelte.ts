import type { AccountWire, ListWire } from "#lib/wire.ts";
import { getJson } from "./api.ts";

export interface ResidualRow {
  readonly start: number;
  readonly residualW: number | null;
  readonly toleranceW: number | null;
}

const minute = 60_000;

/** The balance of the last minutes. Accounts are large, so after the first time only what is new is read. */
export const createResidual = (lookBackMs: number) => {
  let rows = $state.raw<readonly ResidualRow[]>([]);
  let of = "";

  /** Reads up to `now` on the site's clock. */
  const read = async (site: string, now: number, signal: AbortSignal): Promise<void> => {
    if (site !== of) {
      of = site;
      rows = [];
    }
    const first = Math.floor((now - lookBackMs) / minute) * minute;
    const last = rows.at(-1)?.start ?? 0;
    // Two minutes again: the newest account may have been restated.
    const from = Math.max(first, last - 2 * minute);
    const page = await getJson<ListWire<AccountWire>>(
      "accounts",
      { site, step: "1m", from, to: now, limit: 500 },
      signal,
    );
    const kept = rows.filter(({ start }) => start >= first && start < from);
    rows = [
      ...kept,
      ...page.items.map(({ start, balance }) => ({
        start,
        residualW: balance.residualW,
        toleranceW: balance.toleranceW,
      })),
    ];
  };

  return {
    get rows() {
      return rows;
    },
    read,
  };
};
