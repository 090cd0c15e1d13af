import { advanceOnReading, advanceOnTick, type SiteClock, type SiteNode } from "#energy";
import { type NameBook, type Reading, type ReadingColumns, readingAt } from "#store";
import type { AccountFacts } from "./account-facts.ts";
import type { Alert } from "./alert.ts";
import type { Keeps, Present } from "./present.ts";
import type { PresentRules } from "./present-rules.ts";
import type { Silence } from "./silence.ts";
import type { GroupsNow, SilenceRules } from "./silence-rules.ts";
import { nextTick, type Stretch, type StretchPlace } from "./stretch.ts";
import type { ValueRules } from "./value-rules.ts";

// row ─▶ clock ─ nothing falls due? ─▶ it moves, and that is all
//     ─▶ what its device and its quantities can do here ─▶ only that
// Most readings of a site say that all is well: they cost no object.

export interface HearingDeps {
  readonly catchupWaitMs: number;
  readonly clock: () => SiteClock;
  /** Moves the clock when nothing else comes of it. */
  readonly pass: (next: SiteClock) => boolean;
  readonly advance: (next: SiteClock, wall: number) => Alert[];
  /** Everything of a reading but the clock. */
  readonly take: (reading: Reading, now: number) => Alert[];
  readonly present: Present;
  readonly facts: Pick<AccountFacts, "note" | "notes">;
  readonly silence: Silence;
  readonly onPresent: PresentRules;
  readonly onValues: ValueRules;
  readonly onSilence: SilenceRules;
  /** Of a device: whether rules of the site read it, and the nodes whose rules do. */
  readonly concernsSite: (device: string) => boolean;
  readonly nodesOf: (device: string) => readonly SiteNode[];
}

/** What a reading of a device with certain quantities can do. */
interface Part {
  readonly device: string;
  /** Among the devices that report; -1 for none of them. */
  readonly place: number;
  readonly keeps: Keeps;
  readonly isNoted: boolean;
  readonly isOfSite: boolean;
  readonly nodes: readonly SiteNode[];
  readonly hasValues: boolean;
}

export interface Hearing {
  /** Goes on in a stretch until something changes, and gives that; at the end of the stretch nothing. */
  hear(stretch: Stretch, place: StretchPlace): readonly Alert[];
}

const none: readonly Alert[] = [];

export const createHearing = (deps: HearingDeps): Hearing => {
  const { catchupWaitMs, clock, pass, advance, take, present, facts, silence } = deps;
  const { onPresent, onValues, onSilence, concernsSite, nodesOf } = deps;
  let book: NameBook | null = null;
  /** By device and shape. */
  let parts: (Part | undefined)[][] = [];
  let groups: GroupsNow | null = null;
  /** When open groups would have been judged last. */
  let owedTo: number | null = null;
  let owedWall = 0;

  /** Before anything that open groups or the supply mode depend on: what was put off happens. */
  const settle = (): void => {
    groups = null;
    if (owedTo === null) return;
    const now = owedTo;
    owedTo = null;
    if (onSilence.judge([], now, owedWall).length > 0) throw new Error("BUG: a steady group moved");
  };

  const partOf = (device: string, quantities: readonly string[]): Part => ({
    device,
    place: silence.placeOf(device),
    keeps: present.keeps(device, quantities),
    isNoted: quantities.some(facts.notes),
    isOfSite: concernsSite(device),
    nodes: nodesOf(device),
    hasValues: onValues.concern(device, quantities),
  });

  /** A device that was not heard yet, or not with these quantities, is taken as any reading is. */
  const begin = (columns: ReadingColumns, row: number, start: number, now: number): readonly Alert[] => {
    const [device, shape] = [columns.device[row] ?? -1, columns.shape[row] ?? -1];
    const name = columns.book.devices.at(device)?.device ?? "";
    const mine = parts[device] ?? [];
    mine[shape] = partOf(name, columns.book.shapes[shape] ?? []);
    parts[device] = mine;
    settle();
    return take(readingAt(columns, row, start), now);
  };

  const moveTo = (next: SiteClock, wall: number): readonly Alert[] => {
    if (pass(next)) return none;
    settle();
    return advance(next, wall);
  };

  const takePart = (
    { device, place, keeps, isNoted, isOfSite, nodes, hasValues }: Part,
    columns: ReadingColumns,
    row: number,
    start: number,
    times: { readonly ts: number; readonly received: number },
    now: number,
  ): readonly Alert[] => {
    const { received } = times;
    let reading: Reading | null = null;
    const whole = (): Reading => {
      reading ??= readingAt(columns, row, start);
      return reading;
    };
    let changed: Alert[] | null = null;
    const add = (more: readonly Alert[]): void => {
      if (more.length > 0) changed = changed === null ? [...more] : [...changed, ...more];
    };
    if (keeps === "asked") present.note(whole(), now);
    else if (keeps !== "nothing") present.noteAt(device, keeps, { value: columns.value, start, ...times }, now);
    if (isNoted) facts.note(whole(), now);
    if (isOfSite && !onPresent.isStill(now)) {
      settle();
      add(onPresent.judgeSite(now, received));
    }
    for (const node of nodes) {
      if (onPresent.isMute(node)) continue;
      add(onPresent.judgeNode(node, now, received));
    }
    const newest = place < 0 ? Number.NaN : silence.newestAt(place);
    if (hasValues || !onValues.isOnTime(device, times, Number.isNaN(newest) ? null : newest))
      add(onValues.judge(whole(), now));
    if (place < 0 || !silence.seeAt(place, times, now)) return changed ?? none;
    if (!onSilence.isCalm(device, place, now)) {
      settle();
      add(onSilence.judge([device], now, received));
      return changed ?? none;
    }
    groups ??= onSilence.groupsAt(now);
    if (groups === "moving") {
      settle();
      add(onSilence.judge([device], now, received));
    } else if (groups === "steady") [owedTo, owedWall] = [now, received];
    return changed ?? none;
  };

  const takeRow = (columns: ReadingColumns, row: number, start: number): readonly Alert[] => {
    const received = columns.received[row] ?? Number.NaN;
    const times = { ts: columns.ts[row] ?? Number.NaN, received };
    const moved = moveTo(advanceOnReading(clock(), times), received);
    const { now } = clock();
    if (now === null) return moved;
    const part = parts[columns.device[row] ?? -1]?.[columns.shape[row] ?? -1];
    const more = part === undefined ? begin(columns, row, start, now) : takePart(part, columns, row, start, times, now);
    return moved.length === 0 ? more : [...moved, ...more];
  };

  return {
    hear(stretch, place) {
      const { columns, starts, order, to } = stretch;
      if (columns.book !== book) {
        book = columns.book;
        parts = [];
      }
      groups = null;
      let changed = none;
      while (changed.length === 0) {
        const tick = nextTick(stretch, place);
        if (tick !== null) {
          place.wall = tick;
          changed = moveTo(advanceOnTick(clock(), tick, catchupWaitMs), tick);
        } else if (place.at < to) {
          const row = order[place.at++] ?? -1;
          place.wall = Math.max(place.wall ?? 0, columns.received[row] ?? 0);
          changed = takeRow(columns, row, starts[row] ?? 0);
        } else break;
      }
      settle();
      return changed;
    },
  };
};
