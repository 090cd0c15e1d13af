import { setTimeout as delay } from "node:timers/promises";
import { createTask } from "node-cron";
import { type Ledger, timestamp } from "#store";
import { createBreath } from "./breath.ts";

/** A run of a job. */
export interface Turn {
  /** The moment it was planned for. */
  readonly due: number;
  /** It was missed and is made up for now. */
  readonly late: boolean;
  /** Moments before it that were missed too, oldest first: it stands for them all. */
  readonly missed: readonly number[];
}

/** Work that is due by the calendar. */
export interface Job {
  readonly name: string;
  /** Five fields, in `timeZone`. */
  readonly cron: string;
  readonly timeZone: string;
  readonly run: (turn: Turn) => Promise<void>;
}

export interface ScheduleDeps {
  readonly ledger: Ledger;
  readonly now: () => number;
  readonly fail: (error: unknown) => void;
}

export interface Schedule extends AsyncDisposable {
  /** Runs what is due; called every second, it never runs one job twice at once. */
  turn(): Promise<void>;
  /** When each job ran last and runs next. */
  jobs(): readonly { readonly name: string; readonly last: number | null; readonly next: number | null }[];
}

const kind = "schedule";
const minuteMs = 60_000;
// A job that was missed is made up for once, however often it was missed; what is older has no use any more.
const longestMissedMs = 32 * 86_400_000;
// A month of minutes takes half a second of this thread.
const sliceMs = 25;

/** Jobs by cron expressions. When one ran last is a row of the ledger, so that a restart makes up for what it missed. */
export const openSchedule = async (jobs: readonly Job[], { ledger, now, fail }: ScheduleDeps): Promise<Schedule> => {
  const states = await Promise.all(
    jobs.map(async (job) => {
      const task = createTask(job.cron, () => undefined, { timezone: job.timeZone });
      const row = await ledger.get(kind, job.name);
      const last = typeof row?.body === "number" ? row.body : null;
      // A new job begins now; nobody missed it.
      return {
        job,
        task,
        last,
        looked: last ?? Math.floor(now() / minuteMs) * minuteMs - minuteMs,
        running: null as Promise<void> | null,
      };
    }),
  );

  const duesOf = async (state: (typeof states)[number], at: number): Promise<readonly number[]> => {
    const to = Math.floor(at / minuteMs) * minuteMs;
    const from = Math.max(state.looked + minuteMs, to - longestMissedMs);
    const dues: number[] = [];
    const breathe = createBreath(sliceMs);
    for (let minute = from; minute <= to; minute += minuteMs) {
      if (state.task.match(new Date(minute))) dues.push(minute);
      await breathe();
    }
    state.looked = Math.max(state.looked, to);
    return dues;
  };

  const run = async (state: (typeof states)[number], dues: readonly number[], at: number): Promise<void> => {
    const [due = at] = dues.slice(-1);
    try {
      await state.job.run({ due, late: at - due >= 2 * minuteMs, missed: dues.slice(0, -1) });
      await ledger.commit([
        { op: "delete", kind, key: state.job.name },
        { op: "put", kind, key: state.job.name, site: "", ts: timestamp(at), body: due },
      ]);
      state.last = due;
    } catch (error) {
      // Looked at again in a minute, as missed.
      state.looked = Math.min(state.looked, (dues[0] ?? due) - minuteMs);
      fail(error);
      await delay(0);
    }
  };

  return {
    turn: async () => {
      const at = now();
      for (const state of states) {
        if (state.running !== null) continue;
        const begin = async (): Promise<void> => {
          const dues = await duesOf(state, at);
          if (dues.length > 0) await run(state, dues, at);
        };
        state.running = begin().finally(() => {
          state.running = null;
        });
      }
      await Promise.all(states.map(({ running }) => running));
    },
    jobs: () =>
      states.map(({ job, task, last }) => ({ name: job.name, last, next: task.getNextRuns(1)[0]?.getTime() ?? null })),
    async [Symbol.asyncDispose]() {
      await Promise.all(states.map(({ running }) => running));
      for (const { task } of states) await task.destroy();
    },
  };
};
