import { setTimeout as delay } from "node:timers/promises";
import { createTask } from "node-cron";
import { type Ledger, timestamp } from "#store";

/** Work that is due by the calendar. */
export interface Job {
  readonly name: string;
  /** Five fields, in `timeZone`. */
  readonly cron: string;
  readonly timeZone: string;
  /** `due` is the moment it was planned for; `late` says that it was missed and is made up for now. */
  readonly run: (at: { readonly due: number; readonly late: boolean }) => Promise<void>;
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
const longestMissedMs = 8 * 86_400_000;

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

  const dueOf = (state: (typeof states)[number], at: number): number | null => {
    const to = Math.floor(at / minuteMs) * minuteMs;
    const from = Math.max(state.looked + minuteMs, to - longestMissedMs);
    let due: number | null = null;
    for (let minute = from; minute <= to; minute += minuteMs) if (state.task.match(new Date(minute))) due = minute;
    state.looked = Math.max(state.looked, to);
    return due;
  };

  const run = async (state: (typeof states)[number], due: number, at: number): Promise<void> => {
    try {
      await state.job.run({ due, late: at - due >= 2 * minuteMs });
      await ledger.commit([
        { op: "delete", kind, key: state.job.name },
        { op: "put", kind, key: state.job.name, site: "", ts: timestamp(at), body: due },
      ]);
      state.last = due;
    } catch (error) {
      // Looked at again in a minute, as missed.
      state.looked = Math.min(state.looked, due - minuteMs);
      fail(error);
      await delay(0);
    }
  };

  return {
    turn: async () => {
      const at = now();
      for (const state of states) {
        if (state.running !== null) continue;
        const due = dueOf(state, at);
        if (due === null) continue;
        state.running = run(state, due, at).finally(() => {
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
