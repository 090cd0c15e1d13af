import type { Ledger } from "#store";
import type { RulesCode } from "../codes.ts";
import { byUrgency } from "../urgency.ts";
import { type Channel, failed, reasonOf, type Sent } from "./channel.ts";
import { type Delivery, putDelivery } from "./delivery.ts";

//  queued ─▶ attempt ─▶ sent
//    ▲          └▶ failed for now: 5 s, 10 s, 20 s … 10 min ─┐
//    └────────────────────────────────────────────────────────┘  given up after a day

const firstWaitMs = 5000;
const longestWaitMs = 600_000;
const giveUpMs = 86_400_000;
const inflightAtMost = 4;

export interface SenderDeps {
  readonly ledger: Ledger;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly fail: (error: unknown, code: RulesCode) => void;
}

export interface Sender extends AsyncDisposable {
  add(deliveries: readonly Delivery[]): void;
  /** Starts what is due; resolves when those attempts are recorded. */
  run(): Promise<void>;
  waiting(): number;
}

/** Sends what is queued, each channel's messages in order and one at a time, and records what became of each. */
export const createSender = ({ ledger, channels, now, random, fail }: SenderDeps): Sender => {
  const queues = new Map<string, Delivery[]>();
  const busy = new Map<string, Promise<void>>();
  const stop = new AbortController();

  const after = (delivery: Delivery, sent: Sent): Delivery => {
    const attempts = delivery.attempts + 1;
    if (sent.ok) return { ...delivery, attempts, state: "sent", said: sent.receipt };
    const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(20, attempts - 1)) * (0.75 + random() / 2);
    const nextAt = Math.round(now() + Math.max(wait, sent.afterMs ?? 0));
    const isOver = sent.again === "never" || nextAt - delivery.message.at > giveUpMs;
    return { ...delivery, attempts, state: isOver ? "failed" : "queued", nextAt, said: sent.reason };
  };

  const attempt = async (delivery: Delivery): Promise<Delivery> => {
    const channel = channels.get(delivery.channel);
    let sent: Sent;
    try {
      sent =
        channel === undefined
          ? failed(`there is no channel "${delivery.channel}" any more`, "never")
          : await channel.send(delivery.message, stop.signal);
    } catch (error) {
      sent = failed(reasonOf(error));
    }
    // A stop says nothing about the receiver: the next start says it again, under the same key.
    if (stop.signal.aborted && !sent.ok) return delivery;
    const next = after(delivery, sent);
    if (next.state === "failed") fail(new Error(`${delivery.channel}: ${next.said}`), "RULES_NOTIFY_FAILED");
    await ledger.commit([putDelivery(next)]);
    return next;
  };

  const work = async (name: string): Promise<void> => {
    const queue = queues.get(name) ?? [];
    const tried = new Set<string>();
    // A message that waits for its next attempt does not hold back the others; a graver one may come meanwhile.
    const due = () => queue.find(({ key, nextAt }) => nextAt <= now() && !tried.has(key));
    for (let delivery = due(); delivery !== undefined && !stop.signal.aborted; delivery = due()) {
      tried.add(delivery.key);
      const next = await attempt(delivery);
      const at = queue.indexOf(delivery);
      if (next.state === "queued") queue[at] = next;
      else queue.splice(at, 1);
      // What the world refused just now it refuses for the next as well.
      if (next.state === "queued" && next.attempts > delivery.attempts) return;
    }
  };

  return {
    add(deliveries) {
      for (const delivery of deliveries) {
        const queue = queues.get(delivery.channel) ?? [];
        queues.set(delivery.channel, queue);
        const behind = queue.findLastIndex((waiting) => !goesBefore(delivery, waiting));
        queue.splice(behind + 1, 0, delivery);
      }
    },
    async run() {
      for (const name of queues.keys()) {
        if (busy.has(name) || busy.size >= inflightAtMost) continue;
        const job = work(name)
          .catch((error: unknown) => fail(error, "RULES_NOTIFY_FAILED"))
          .finally(() => busy.delete(name));
        busy.set(name, job);
      }
      await Promise.all(busy.values());
    },
    waiting: () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(busy.values());
    },
  };
};

/** What is graver need not wait its turn, but each alert is told in order. */
const goesBefore = ({ message }: Delivery, { message: waiting }: Delivery): boolean => {
  const [mine, other] = [message.alerts[0], waiting.alerts[0]];
  if (mine === undefined || other === undefined || message.occasion === "returned") return false;
  const ids = new Set(message.alerts.map(({ id }) => id));
  return byUrgency(mine, other) < 0 && !waiting.alerts.some(({ id }) => ids.has(id));
};
